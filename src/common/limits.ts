/**
 * The reference puts no limit of its own on most variable fields of the wire; what bounds them is the frame or the
 * transaction they come in. These are the bounds of such fields.
 */

/** Longest byte string or text, in bytes: the largest frame of the host protocol. */
export const FRAME_BYTES = 64 * 1024 * 1024;
/** Most elements of a list or entries of a map: what the decoder of the reference allows. */
export const FRAME_ELEMENTS = 10_000_000;
