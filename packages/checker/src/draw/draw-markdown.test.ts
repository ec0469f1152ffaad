import { describe, expect, it } from 'vitest';
import { HandMade, ksmRace } from '../../test/hand-made.ts';
import { drawMarkdown } from './draw-markdown.ts';

describe('A drawing in Markdown', () => {
  it('is a table with headings, lists and a fenced command', () => {
    const violation = {
      fault: 'always',
      property: 'a merged page never changes',
      execution: ksmRace(),
    } as const;
    const text = drawMarkdown(violation, { title: 'ksm', replay: 'faultline check ksm' });
    expect(`\n${text}\n`).toBe(`
## ksm

At the beginning: spte = R-, host pte = RW, seq = 0

|  | KSM | VCPU0 slow path | VCPU1 fast path |
| --: | --- | --- | --- |
| 1 |  |  | read spte<br>**R-** |
| 2 |  | read seq, host pte |  |
| 3 |  | lock; spte = RW; unlock |  |
| 4 | store<br>**host pte: RW -> R-** |  |  |
| 5 | lock; spte = R-; seq++; unlock |  |  |
| 6 |  |  | cmpxchg<br>**spte: R- -> RW**<br>_succeeds, ABA: 2 writes to spte since it was read_ |
|  |  |  | **OOPS!!!** |

always: a merged page never changes. 1 preemption.

### Source lines

- 1: fastPageFault (src/race.ts:31)
- 2: slowPageFault (src/race.ts:41, 42)
- 3: slowPageFault (src/race.ts:43, 44, 45, 46)
- 4: mergePage (src/race.ts:50)
- 5: mergePage (src/race.ts:51, 52, 53, 54)
- 6: fastPageFault (src/race.ts:32)

### Again

\`\`\`sh
faultline check ksm
\`\`\`
`);
  });

  it('escapes what a program calls its words', () => {
    const execution = new HandMade(['a|b', '<c>'], { '*p_q*': '[0]' })
      .step('a|b', 'store32', { word: '*p_q*', after: '[1]' })
      .step('<c>', 'load32', { word: '*p_q*' })
      .end();
    const [, table] = drawMarkdown({ fault: 'finally', property: 'x', execution }).split('\n\n');
    expect(`\n${table}\n`).toBe(`
|  | a\\|b | \\<c> |
| --: | --- | --- |
| 1 | store<br>**\\*p\\_q\\*: \\[0\\] -> \\[1\\]** |  |
| 2 |  | read \\*p\\_q\\*<br>**\\[1\\]** |
|  |  | **OOPS!!!** |
`);
  });

  it('chooses a fence that the command does not close', () => {
    const text = drawMarkdown({ fault: 'sometimes', property: 'x' }, { replay: 'echo ```' });
    expect(text.endsWith('````sh\necho ```\n````')).toBe(true);
  });
});
