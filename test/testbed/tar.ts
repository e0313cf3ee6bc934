/** Writes tar archives in memory (POSIX ustar), the same bytes for the same files. */
export interface TarFile {
  /** Path without a leading slash, 100 bytes at most; folders are made as they are needed. */
  path: string;
  /** What it holds, or what a symbolic link points to. */
  content: Buffer | { link: string };
  /** Permission bits, such as 0o755. */
  mode: number;
}

/** One archive of all the files, owned by root, dated to the epoch. */
export function tar(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({ path, content, mode }) => {
    if (!Buffer.isBuffer(content)) return [header(path, mode, 0, "2", content.link)];
    const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
    return [header(path, mode, content.length, "0", ""), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function header(path: string, mode: number, size: number, type: string, link: string): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Error(`path too long for a plain tar header: ${path}`);
  const block = Buffer.alloc(512);
  const number = (value: number, at: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, "0"), at);
  };
  block.write(path, 0);
  number(mode, 100, 8);
  number(0, 108, 8);
  number(0, 116, 8);
  number(size, 124, 12);
  number(0, 136, 12);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(link, 157);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
