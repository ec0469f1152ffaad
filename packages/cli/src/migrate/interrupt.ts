// Ctrl-C, once, as a signal that what runs may end cleanly; the second time as always.

/** What `work` resolves with; during it, SIGINT and SIGTERM abort the signal that it is given. */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort).once('SIGTERM', abort);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort);
  }
}
