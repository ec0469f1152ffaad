// What a command answers: words for stdout, words for whoever watches, an exit code.
import type { Verdict } from '@faultline/checker';
import { EXIT_BUDGET, EXIT_FINDING, EXIT_OK } from '../exit.ts';

export interface Answer {
  readonly out: string;
  /** For stderr: what has no place in the format asked for. */
  readonly aside?: string;
  readonly code: number;
}

export const EXIT_OF: Readonly<Record<Verdict['verdict'], number>> = {
  holds: EXIT_OK,
  violated: EXIT_FINDING,
  budget: EXIT_BUDGET,
};

/** Blocks with an empty line between them. */
export const paragraphs = (blocks: readonly string[], between = '\n\n'): string => {
  const said = blocks.filter((block) => block !== '');
  return said.length === 0 ? '' : `${said.join(between)}\n`;
};

export const fenced = (text: string): string => `\`\`\`\n${text}\n\`\`\``;
