// Why a file cannot be read, in words.

/** Of an error of Node's: `no such file`. */
export function whyUnreadable({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'a directory';
  if (code === 'EACCES') return 'no permission to read it';
  return message;
}
