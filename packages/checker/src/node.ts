// A node of a thread's automaton: what the thread is about to do after a history.
import type { Answer, Run } from '@faultline/atomics';
import type { Instruction } from './instruction.ts';

export type Pending = Run<unknown> & { readonly state: 'pending' };

export interface Node {
  readonly id: number;
  readonly instruction: Instruction | undefined;
  /** Set where the thread has ended: what it returned. */
  readonly ended?: { readonly result: unknown };
  readonly threw?: { readonly error: unknown };
  /** Told of its operation: the stack trace there is written out when it is asked for. */
  readonly run: Pending | undefined;
  readonly depth: number;
  readonly parent: Node | undefined;
  readonly answer: Answer | undefined;
  // Edges: few, so three short lists searched in order are faster than a map.
  readonly lows: number[];
  readonly highs: number[];
  readonly nexts: Node[];
  /** Of a step that the body knows nothing of: where the thread is after it. */
  readonly goOn?: () => Node;
}

/** The stack trace at a node's operation. */
export const siteOf = ({ run }: Node): string => run?.site ?? '';
