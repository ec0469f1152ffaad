// System calls of the VMM. ftrace prints them its own way, everybody else by the event's format:
//
//   sys_ioctl(fd: 4, cmd: ae01, arg: 0)                                      sys_mmap -> 0x7fd392c00000
//   sys_enter_ioctl: fd: 0x00000004, cmd: 0x0000ae01, arg: 0x00000000        sys_exit_mmap: 0x7fd392c00000
import type { Hva } from '@faultline/mmu';
import type { Decode, Decoders } from './decode.ts';
import type { SysExit } from './host-event.ts';
import type { LineCursor } from './line-cursor.ts';

/** `name: value`; what comes before the name is the text of the argument before. */
function readArgument(line: LineCursor, name: string): number {
  line.text(name);
  line.text(': ');
  return line.prefixedAddress();
}

const exit =
  (event: SysExit['event']): Decode =>
  (line) => ({ event, ret: line.prefixedAddress() });

export const syscallDecoders: Decoders = {
  sys_exit_ioctl: exit('sys_exit_ioctl'),
  sys_exit_madvise: exit('sys_exit_madvise'),
  sys_exit_mmap: exit('sys_exit_mmap'),
  sys_exit_mprotect: exit('sys_exit_mprotect'),
  sys_exit_munmap: exit('sys_exit_munmap'),
  sys_exit_mremap: exit('sys_exit_mremap'),

  sys_enter_ioctl(line) {
    const fd = readArgument(line, 'fd');
    const cmd = readArgument(line, ', cmd');
    const arg = readArgument(line, ', arg');
    line.accept(')');
    return { event: 'sys_enter_ioctl', fd, cmd, arg };
  },

  sys_enter_madvise(line) {
    const start = readArgument(line, 'start') as Hva;
    const len_in = readArgument(line, ', len_in');
    const behavior = readArgument(line, ', behavior');
    line.accept(')');
    return { event: 'sys_enter_madvise', start, len_in, behavior };
  },

  sys_enter_mmap(line) {
    const addr = readArgument(line, 'addr') as Hva;
    const len = readArgument(line, ', len');
    const prot = readArgument(line, ', prot');
    const flags = readArgument(line, ', flags');
    const fd = readArgument(line, ', fd');
    const off = readArgument(line, ', off');
    line.accept(')');
    return { event: 'sys_enter_mmap', addr, len, prot, flags, fd, off };
  },

  sys_enter_mprotect(line) {
    const start = readArgument(line, 'start') as Hva;
    const len = readArgument(line, ', len');
    const prot = readArgument(line, ', prot');
    line.accept(')');
    return { event: 'sys_enter_mprotect', start, len, prot };
  },

  sys_enter_munmap(line) {
    const addr = readArgument(line, 'addr') as Hva;
    const len = readArgument(line, ', len');
    line.accept(')');
    return { event: 'sys_enter_munmap', addr, len };
  },

  sys_enter_mremap(line) {
    const addr = readArgument(line, 'addr') as Hva;
    const old_len = readArgument(line, ', old_len');
    const new_len = readArgument(line, ', new_len');
    const flags = readArgument(line, ', flags');
    const new_addr = readArgument(line, ', new_addr') as Hva;
    line.accept(')');
    return { event: 'sys_enter_mremap', addr, old_len, new_len, flags, new_addr };
  },
};
