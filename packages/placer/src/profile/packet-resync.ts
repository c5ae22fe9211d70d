/** Finds where the next packet begins in a file that is damaged. @module */

/** Bytes at a place of the file; fewer at its end. */
export type ReadAt = (at: number, length: number) => Uint8Array;

/** libpcap reads no longer packets. [MAXIMUM_SNAPLEN in libpcap's pcap-int.h] */
const longestPacket = 262_144;
const windowBytes = 1 << 20;
/** Beyond these bytes of rubbish the rest is given up. */
const searchBytes = 64 << 20;
/** A day: two packets of one capture are hardly further apart. */
const nearSeconds = 86_400;

const magics = new Map<number, { readonly little: boolean; readonly fractions: number }>([
  [0xa1b2c3d4, { little: true, fractions: 1e6 }],
  [0xd4c3b2a1, { little: false, fractions: 1e6 }],
  [0xa1b23c4d, { little: true, fractions: 1e9 }],
  [0x4d3cb2a1, { little: false, fractions: 1e9 }],
]);

/**
 * Looks for the next packet after a damaged one. In pcap, that is where a record's header is plausible (lengths, fractions of a second, a time
 * near the last packet's) and the one after it as well; in pcapng, where a block's length stands at both of its ends.
 *
 * @param lastSecond Of the last good packet; 0 when there was none.
 * @returns its place, bytes from the beginning; null when there is none.
 * @see draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng
 */
export function nextPacket(read: ReadAt, size: number, from: number, lastSecond: number): number | null {
  const head = read(0, 12);
  if (head.length < 12) return null;
  const view = new DataView(head.buffer, head.byteOffset);
  const pcap = magics.get(view.getUint32(0, true));
  const pcapng = view.getUint32(0, true) === 0x0a0d0d0a;
  if (!pcap && !pcapng) return null;
  const last = Math.min(size, from + searchBytes);
  // What failed may have read past the next packet's beginning: a header's bytes, or those of a packet that is too long.
  const begin = Math.max(24, from - (pcap ? 15 : 0));
  for (let start = begin; start < last; start += windowBytes) {
    const bytes = read(start, windowBytes + longestPacket + 64);
    const window = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = Math.min(windowBytes, bytes.length);
    for (let at = 0; at < end; at++) {
      const fits = pcap
        ? isRecord(window, at, start, size, { ...pcap, lastSecond })
        : (start + at) % 4 === 0 && isBlock(window, at, view.getUint32(8, true) === 0x1a2b3c4d);
      if (fits) return start + at;
    }
  }
  return null;
}

interface RecordForm {
  readonly little: boolean;
  readonly fractions: number;
  readonly lastSecond: number;
}

/** Whether a record begins at `at`, and another after it, or the file ends there. */
function isRecord(view: DataView, at: number, start: number, size: number, form: RecordForm): boolean {
  const length = plausible(view, at, form);
  if (length === null) return false;
  const next = at + 16 + length;
  return start + next === size || plausible(view, next, form) !== null;
}

/** Bytes captured, when these 16 bytes can be a record's header. */
function plausible(view: DataView, at: number, { little, fractions, lastSecond }: RecordForm): number | null {
  if (at + 16 > view.byteLength) return null;
  const captured = view.getUint32(at + 8, little);
  if (captured === 0 || captured > longestPacket || view.getUint32(at + 12, little) < captured) return null;
  if (view.getUint32(at + 12, little) > longestPacket || view.getUint32(at + 4, little) >= fractions) return null;
  return lastSecond === 0 || Math.abs(view.getUint32(at, little) - lastSecond) <= nearSeconds ? captured : null;
}

/** Enhanced and simple packets, interfaces, statistics. */
const blockTypes: readonly number[] = [1, 3, 5, 6];

function isBlock(view: DataView, at: number, little: boolean): boolean {
  if (at + 12 > view.byteLength || !blockTypes.includes(view.getUint32(at, little))) return false;
  const length = view.getUint32(at + 4, little);
  return length >= 12 && length % 4 === 0 && at + length <= view.byteLength && view.getUint32(at + length - 4, little) === length;
}
