// Why a migration or a snapshot came to nothing.

/**
 * - damaged: bytes that are not what the format says, or pages that do not add up
 * - version: another version of the format, or another shape of VM than the destination takes
 * - refused: the other side said why
 * - cancelled: by this side, or by the other
 * - closed: the connection, or the file, ended too early
 * - stalled: nothing moved for longer than the timeout
 * - lost: post-copy's connection broke and did not come back: of the guest's pages some are here and some there
 * - diverging: the guest writes faster than the connection carries, and the time is up
 */
export type FailureReason =
  | 'damaged'
  | 'version'
  | 'refused'
  | 'cancelled'
  | 'closed'
  | 'stalled'
  | 'lost'
  | 'diverging';

/** What a migration or a snapshot file rejects with; its message says what was expected, what came, and where. */
export class MigrationError extends Error {
  /** 'MigrationError', also where two copies of the library are loaded and `instanceof` fails. */
  override readonly name = 'MigrationError';
  /** For programs; the message is for people. */
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Any error as one of ours: what a channel throws means that the connection is gone. */
export function asMigrationError(error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  const said = error instanceof Error ? error.message : String(error);
  return new MigrationError('closed', `expected the connection to last, got: ${said}`, {
    cause: error,
  });
}
