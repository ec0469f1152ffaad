// What one race is to its readers: what happens, who found it, what mends it. One file per race; index.ts lists them.
import type { MemoryModel, Program } from '@faultline/checker';

export interface Litmus {
  /** What `faultline check` takes; the file's name. */
  readonly name: string;
  /** One sentence: who races with whom for what. */
  readonly title: string;
  /** Does the bad thing happen? As in the headers of Linux's litmus tests. */
  readonly result: 'Never' | 'Sometimes';
  /** The property that fails where the result is Sometimes. */
  readonly violates?: string;
  /** Models in which the result holds; sc alone if absent. */
  readonly models?: readonly MemoryModel[];
  /** Where it comes from: a commit, a mail, a document. */
  readonly source: string;
  /** What happened, in a few sentences, for `faultline explain`. */
  readonly story: string;
  /** What mends it, or why it holds. */
  readonly fix: string;
  readonly links: readonly string[];
  /** The litmus of which this is the broken variant, or the repair. */
  readonly pair?: string;
  /** The interleaving that its finder drew, as a schedule: told beside the one with the fewest preemptions. */
  readonly drawn?: string;
  /** Made anew for each check. */
  readonly program: () => Program;
}
