// May this host's threads share memory? In a browser only a page that is cross-origin isolated gets SharedArrayBuffer.

interface Host {
  readonly SharedArrayBuffer?: unknown;
  readonly crossOriginIsolated?: boolean;
}

/** Why threads cannot share memory here, and what helps; undefined when they can. */
export function whyNotShared(host: Host = globalThis): string | undefined {
  if (typeof host.SharedArrayBuffer === 'function' && host.crossOriginIsolated !== false) {
    return undefined;
  }
  return (
    'expected a host whose threads can share memory, got one without SharedArrayBuffer; usual cause: a page that is not ' +
    'cross-origin isolated. Send it with the headers "Cross-Origin-Opener-Policy: same-origin" and ' +
    '"Cross-Origin-Embedder-Policy: require-corp", or make the VM with { shared: false }'
  );
}
