/**
 * The base runtime in a program that was compiled by Deno before 2.8 for Linux. What `deno compile` adds
 * there stands behind the ELF image, so that the image ends with its table of sections.
 */

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const SECTIONS_AT = 0x28;
const SECTION_SIZE_AT = 0x3a;
const SECTION_COUNT_AT = 0x3c;

/** A view into `program`. Throws for what is not a little-endian 64-bit ELF file with all its sections. */
export function cutElfBase(program: Uint8Array): Uint8Array {
  const is64 = program[4] === 2 && program[5] === 1;
  if (program.length < 64 || !is64 || MAGIC.some((byte, index) => program[index] !== byte)) {
    throw new Error("not a 64-bit ELF file");
  }
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const end = Number(view.getBigUint64(SECTIONS_AT, true)) +
    view.getUint16(SECTION_SIZE_AT, true) * view.getUint16(SECTION_COUNT_AT, true);
  if (end > program.length) throw new Error("the ELF file is cut short");
  return program.subarray(0, end);
}
