// TypeScript to JavaScript by blanks: what Node itself does to a .ts file, with the same compiler.
import { complaint } from './complaint.ts';

interface TypeError {
  readonly message: string;
  readonly startLine?: number;
}

/** The same text with its types blanked, every line and column where it was. */
export async function withoutTypes(path: string, text: string): Promise<string> {
  const { transformSync } = await import('@swc/wasm-typescript'); // 3 MB that JavaScript files do without
  try {
    return transformSync(text, { mode: 'strip-only', filename: path }).code;
  } catch (error) {
    const { message, startLine } = error as TypeError;
    throw complaint(
      { path, line: startLine },
      'TypeScript whose types can be erased',
      message ?? String(error),
    );
  }
}
