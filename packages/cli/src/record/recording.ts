// What a good trace of KVM's MMU needs, as shell commands: which events, which clock, how large a buffer. Printed for who wants
// to read before running, and run as they are printed.

export type Tool = 'trace-cmd' | 'tracefs';

export interface Recording {
  readonly tool: Tool;
  /** Of the VMM; undefined for every VM of the host. */
  readonly pid?: number;
  readonly seconds: number;
  /** Per CPU. */
  readonly bufferKib: number;
  readonly output: string;
  /** Pointers in the text as they are. A trace.dat always has them so. */
  readonly rawPointers: boolean;
  /** Where tracefs is mounted. */
  readonly tracefs: string;
}

export interface Step {
  readonly why: string;
  readonly commands: readonly string[];
}

/** Everything of the MMU, of memory merging and of huge pages. */
export const SYSTEMS: readonly string[] = ['kvm', 'kvmmmu', 'ksm', 'huge_memory'];
/** Frequent, and of no use here. */
const NOISE: readonly string[] = ['kvm_fpu', 'kvm_pio', 'kvm_msr', 'kvm_cpuid'];
/** Both ends of them move the host's pages under the guest. */
const SYSCALLS: readonly string[] = ['madvise', 'mprotect', 'munmap', 'mmap', 'mremap'];

/** KVM has no tracepoint for a harvest, or for a memslot: the VMM's ioctls tell. Not KVM_RUN, which kvm_entry tells. */
export const IOCTLS: Readonly<Record<string, number>> = {
  KVM_GET_DIRTY_LOG: 0x4010_ae42,
  KVM_CLEAR_DIRTY_LOG: 0xc018_aec0,
  KVM_RESET_DIRTY_RINGS: 0xaec7,
  KVM_SET_USER_MEMORY_REGION: 0x4020_ae46,
  KVM_SET_USER_MEMORY_REGION2: 0x40a0_ae49,
  KVM_ENABLE_CAP: 0x4068_aea3,
  KVM_CREATE_VCPU: 0xae41,
};

const FILTER: string = Object.values(IOCTLS)
  .map((cmd) => `cmd==0x${cmd.toString(16)}`)
  .join('||');

/** Threads of the kernel that change a guest's pages: a filter by pid must let them through. */
const KERNEL_THREADS = "'^(ksmd|khugepaged|kswapd[0-9]*|kcompactd[0-9]*|kdamond.*)$'";

const threadsOf = (pid: number): string => `$(ls /proc/${pid}/task; pgrep ${KERNEL_THREADS})`;

export const stepsOf = (recording: Recording): Step[] =>
  recording.tool === 'trace-cmd' ? traceCmdSteps(recording) : tracefsSteps(recording);

/** Takes away what a recording that failed has left. */
export const undo = ({ tool, tracefs }: Recording): string[] =>
  tool === 'trace-cmd' ? ['trace-cmd reset'] : removeInstance(instanceOf(tracefs));

const instanceOf = (tracefs: string): string => quoted(`${tracefs}/instances/faultline`);

const removeInstance = (instance: string): string[] => [
  `echo 0 > ${instance}/tracing_on`,
  `echo 0 > ${instance}/events/enable`,
  `rmdir ${instance}`,
];

function traceCmdSteps({ pid, seconds, bufferKib, output }: Recording): Step[] {
  const events = [
    ...SYSTEMS.map((system) => `-e ${system}`),
    `-e syscalls:sys_enter_ioctl -f '${FILTER}'`,
    ...SYSCALLS.map((name) => `-e syscalls:sys_enter_${name} -e syscalls:sys_exit_${name}`),
    `-v ${NOISE.map((name) => `-e kvm:${name}`).join(' ')}`,
  ];
  const filter = pid === undefined ? [] : [`-P "$(echo ${threadsOf(pid)} | tr ' ' ,)"`];
  const words = [
    `-C mono -b ${bufferKib} -o ${quoted(output)}`,
    ...filter,
    ...events,
    `sleep ${seconds}`,
  ];
  return [
    {
      why: `record for ${seconds} s: raw fields, with the formats that explain them`,
      commands: [`trace-cmd record ${words.join(' \\\n    ')}`],
    },
    {
      why: 'lost events would be holes in everything that is said of the trace',
      commands: [`trace-cmd report --stat -i ${quoted(output)} | grep -E 'CPU:|overrun|dropped'`],
    },
  ];
}

function tracefsSteps(recording: Recording): Step[] {
  const { pid, seconds, bufferKib, output, rawPointers, tracefs } = recording;
  const instance = instanceOf(tracefs);
  const write = (value: string, file: string): string => `echo ${value} > ${instance}/${file}`;
  const on = (event: string): string => write('1', `events/${event}/enable`);
  return [
    {
      why: "an instance of its own, so that nobody else's tracing is disturbed",
      commands: [`mkdir ${instance}`],
    },
    {
      why: 'a clock that is the same on all CPUs; a full buffer drops what comes, and counts it',
      commands: [
        write('0', 'tracing_on'),
        write('mono', 'trace_clock'),
        write('0', 'options/overwrite'),
        write(String(bufferKib), 'buffer_size_kb'),
        ...(rawPointers ? [write('0', 'options/hash-ptr')] : []),
      ],
    },
    ...(pid === undefined
      ? []
      : [
          {
            why: 'the threads of this VMM, and those of the kernel that change its pages',
            commands: [`echo ${threadsOf(pid)} > ${instance}/set_event_pid`],
          },
        ]),
    {
      why: 'the events',
      commands: [
        ...SYSTEMS.map(on),
        ...NOISE.map((name) => write('0', `events/kvm/${name}/enable`)),
        write(`'${FILTER}'`, 'events/syscalls/sys_enter_ioctl/filter'),
        on('syscalls/sys_enter_ioctl'),
        ...SYSCALLS.flatMap((name) => [
          on(`syscalls/sys_enter_${name}`),
          on(`syscalls/sys_exit_${name}`),
        ]),
      ],
    },
    {
      why: `record for ${seconds} s`,
      commands: [write('1', 'tracing_on'), `sleep ${seconds}`, write('0', 'tracing_on')],
    },
    {
      why: 'lost events would be holes in everything that is said of the trace',
      commands: [`grep -HE '^(overrun|dropped)' ${instance}/per_cpu/cpu*/stats`],
    },
    {
      why: 'keep it, and take the instance away',
      commands: [`gzip -c < ${instance}/trace > ${quoted(output)}`, ...removeInstance(instance)],
    },
  ];
}

/** As one word of a shell. */
const quoted = (word: string): string =>
  /^[\w/.,:+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
