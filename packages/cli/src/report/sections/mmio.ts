// Device registers that the guest touches, and those that an ioeventfd would take off the VMM.
import type { MmioRegister, Report } from '@faultline/trace';
import { count } from '../../table.ts';
import type { Section } from '../section.ts';
import { plural } from '../units.ts';

const SHOWN = 5;
/** Accesses to one register that are worth a line. */
const MUCH = 64;

export function mmio({ mmio: of }: Report): Section | undefined {
  if (of.accesses === 0) return undefined;
  const shown = of.most.filter(isMuchUsed).slice(0, SHOWN);
  const beyond = of.others === 0 ? '' : `; ${count(of.others)} accesses to yet other registers`;
  return {
    title: `MMIO: ${plural(of.accesses, 'access', 'accesses')} to ${plural(of.registers, 'register')}${beyond}`,
    table: {
      head: ['bytes', 'writes', 'reads', 'to the VMM', 'ioeventfd'],
      leftAligned: [4],
      rows: shown.map((register) => ({
        name: `gpa 0x${register.gpa.toString(16)}`,
        cells: [
          register.length === 0 ? 'vary' : String(register.length),
          count(register.writes),
          count(register.reads),
          count(register.userspaceExits),
          verdict(register),
        ],
      })),
    },
    soWhat: [{ text: soWhat(of.worthIoeventfd) }],
  };
}

const isMuchUsed = ({ reads, writes }: MmioRegister): boolean => reads + writes >= MUCH;

function verdict({ isWorthIoeventfd, reads, userspaceExits }: MmioRegister): string {
  if (isWorthIoeventfd) return 'worth one';
  if (userspaceExits === 0) return 'stays in the kernel';
  return reads > 0 ? 'no: is read' : 'no: too few';
}

const soWhat = (worth: number): string =>
  worth === 0
    ? 'no register is written often enough, and only written, to be worth an ioeventfd'
    : `KVM_IOEVENTFD on ${plural(worth, 'register')} spares the exits to the VMM`;
