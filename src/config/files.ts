/** Access to files: those that the operator and the configuration name, and those of the system. No other file uses the file system. */

import { createHash } from "node:crypto";
import { chmodSync, closeSync, constants, fstatSync, openSync, readFileSync, watch } from "node:fs";
import {
  type FileHandle,
  access,
  lstat,
  open,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** No certificate is longer. Without the limit, a device or a wrong mount would fill the memory. */
const MAX_READ_BYTES = 1024 * 1024;
/** The reason of a file beyond `readTextFile`'s limit. */
export const TOO_LARGE = "is larger than 1 MiB";
/** Nearly every route file and certificate is smaller. */
const FIRST_READ_BYTES = 16 * 1024;
/** How long a read waits for a pipe, whose writer may be slow. It is limited, because a reload that waits delays the next one. */
const SILENCE_MS = 30_000;
const RETRY_MS = 20;

/** The text of a file, or the reason why it could not be read. */
export type FileText =
  | { readonly text: string; readonly bytes: Uint8Array }
  | {
      readonly reason: string;
      /** Whether the file itself is the reason, for example because it does not exist. Otherwise (EMFILE, EIO) it may be unchanged. */
      readonly isOfFile: boolean;
    };

/**
 * Identifies the content of a file: its SHA-256 in hexadecimal, or the reason why it has no content. Undefined if it could not be read
 * for a reason that says nothing about the file.
 */
export type Digest = string | undefined;

/** Reads a UTF-8 file of at most 1 MiB, and removes a byte order mark. Never throws. */
export async function readTextFile(path: string): Promise<FileText> {
  return toFileText(() => readUpTo(path, MAX_READ_BYTES + 1));
}

/** Like `readTextFile`, for a file that may be larger, such as an OpenAPI document. */
export async function readLargeFile(path: string, maxBytes: number): Promise<FileText> {
  return toFileText(() => readUpTo(path, maxBytes + 1), maxBytes);
}

/** Decodes bytes from another source, such as standard input, in the same way. Never throws. */
export async function toFileText(
  readBytes: () => Promise<Uint8Array>,
  maxBytes = MAX_READ_BYTES,
): Promise<FileText> {
  try {
    const bytes = await readBytes();
    if (bytes.length > maxBytes)
      return {
        reason:
          maxBytes === MAX_READ_BYTES ? TOO_LARGE : `is larger than ${maxBytes / 1024 ** 2} MiB`,
        isOfFile: true,
      };
    if (isUtf16(bytes)) return { reason: "is UTF-16 text: save it as UTF-8", isOfFile: true };
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), bytes };
  } catch (error) {
    const code = codeOf(error);
    const reason = REASONS[code];
    return { reason: reason ?? `cannot be read (${code})`, isOfFile: reason !== undefined };
  }
}

/** Windows tools write UTF-16, with a byte order mark that no UTF-8 text has. */
function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/** Whether a file, a folder or a link with that path exists. Never throws. */
export async function pathExists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}

/** Writes a new file. Resolves with the reason if it failed, also if a file exists; then no part of the text is left. Never rejects. */
export async function createFile(path: string, text: string): Promise<string | undefined> {
  return toReason(() => writeDurably(path, text));
}

/** Reads a file as `readTextFile` does. */
export type ReadFile = typeof readTextFile;

/**
 * Reads a file of the system such as /etc/hosts, one character for each byte. Returns an empty text unless it is a readable plain file
 * of at most 1 MiB. Throws if no file descriptor is left. It is synchronous, because lookups of names may block the threads that
 * asynchronous reads need. It is also faster than they are: 15 µs.
 */
export function readSystemFile(path: string): string {
  try {
    return readAtOnce(path);
  } catch (error) {
    if (["EMFILE", "ENFILE"].includes(codeOf(error))) throw error;
    return "";
  }
}

/** Creates a reader that calls `onRead` with the path and the digest of each file before it returns the file. */
export function createReader(onRead: (path: string, digest: Digest) => void): ReadFile {
  return async (path) => {
    const read = await readTextFile(path);
    onRead(path, digestOf(read));
    return read;
  };
}

/** Resolves a name that stands in a file: it is relative to the folder of that file. Returns an absolute path. */
export function resolveBeside(file: string, name: string): string {
  return resolve(dirname(file), name);
}

/** Resolves a name that does not stand in a file, such as one on the command line: it is relative to `directory`. Returns an absolute path. */
export function resolveFrom(directory: string, name: string): string {
  return resolve(directory, name);
}

/** Reads a file and returns its digest. Never throws. */
export async function digestFile(path: string): Promise<Digest> {
  return digestOf(await readTextFile(path));
}

function digestOf(read: FileText): Digest {
  if (!("reason" in read)) return toDigest(read.bytes);
  return read.isOfFile ? read.reason : undefined;
}

/** Returns the SHA-256 of the bytes in hexadecimal. */
export function toDigest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Returns the folder of a file. */
export function directoryOf(path: string): string {
  return dirname(path);
}

/** Sets the permission bits of a Unix socket's file. Throws node's error (ENOENT, EPERM, …). */
export function setSocketMode(path: string, mode: number): void {
  chmodSync(path, mode);
}

/** Removes a Unix socket, but no other kind of file. Returns whether it was a socket. Throws node's error (ENOENT, …). */
export async function removeSocket(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  await unlink(path);
  return true;
}

/** Returns the names in a folder. Undefined if it is no folder or cannot be read. */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path);
  } catch {
    return undefined;
  }
}

/**
 * Replaces the content of a file, or creates the file. Links and permission bits stay. Where they can stay, it is atomic: after a full disk
 * or a crash, the file has either the old content or the new. Resolves with the reason if it failed. Never rejects.
 */
export async function replaceFile(path: string, text: string): Promise<string | undefined> {
  return toReason(async () => {
    if (!(await pathExists(path))) await writeDurably(path, text);
    else if (!(await renameOver(path, text))) await writeFile(path, text);
  });
}

/**
 * Writes the text to a new file, and renames it to the old one. Returns false if the caller must write into the old file instead: it has a
 * second name (hard link), is a device or mounted, or headgate may not write its folder.
 */
async function renameOver(path: string, text: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined); // undefined: a link to no file
  if (stats === undefined || !stats.isFile() || stats.nlink > 1) return false;
  await access(path, constants.W_OK); // a file that may not be written must not be replaced either
  const target = await realpath(path);
  const beside = join(dirname(target), `.${basename(target)}.${crypto.randomUUID()}`);
  try {
    await writeDurably(beside, text, stats);
    await rename(beside, target);
    return true;
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    if (["EACCES", "EPERM", "EBUSY"].includes(codeOf(error))) return false;
    throw error;
  }
}

interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Writes a new file, and waits until the disk has it. If that fails, no file is left. */
async function writeDurably(path: string, text: string, owner?: Ownership): Promise<void> {
  const handle = await open(path, "wx");
  try {
    if (owner !== undefined) {
      await handle.chown(owner.uid, owner.gid).catch(() => undefined); // only root may give a file away
      await handle.chmod(owner.mode & 0o777); // regardless of the umask
    }
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}

async function toReason(write: () => Promise<void>): Promise<string | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") return "exists already";
    if (code === "ENOENT") return "cannot be written: its folder does not exist";
    return `cannot be written (${code})`;
  }
}

/**
 * Calls `onEvent` at every change in a directory, until the caller calls the returned function. If the directory does not exist, there
 * are no events. Never throws.
 */
export function watchDirectory(path: string, onEvent: () => void): () => void {
  try {
    const watcher = watch(path, { persistent: false }, onEvent);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}

/**
 * Reads a file up to its end or the limit. The size is unknown at first, because pipes and devices have none. The buffer grows as
 * needed, because a watched file is read often.
 *
 * `headgate check <(helm template …)` and /dev/stdin are pipes, and are read to their end. O_NONBLOCK is needed because opening a pipe
 * without a writer would otherwise block one of node's four threads forever, and lookups of names use these threads. A pipe without a
 * writer is refused at once: a writer that comes later would find no reader, as it would between two reloads.
 */
async function readUpTo(path: string, maxBytes: number): Promise<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    let buffer = new Uint8Array(FIRST_READ_BYTES);
    let length = 0;
    while (length < maxBytes) {
      if (length === buffer.length) {
        const larger = new Uint8Array(Math.min(maxBytes, length * 4));
        larger.set(buffer);
        buffer = larger;
      }
      const bytesRead = await readSome(handle, buffer.subarray(length));
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length === 0 && (await handle.stat()).isFIFO()) throw withCode("EPIPE");
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

function readAtOnce(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe would block
  try {
    const stats = fstatSync(descriptor);
    const isUsable = stats.isFile() && stats.size <= MAX_READ_BYTES;
    return isUsable ? readFileSync(descriptor, "latin1") : "";
  } finally {
    closeSync(descriptor);
  }
}

/** Reads some bytes, and waits for them without blocking a thread. libuv repeats calls that a signal interrupted (EINTR), but not reads. */
async function readSome(handle: FileHandle, buffer: Uint8Array): Promise<number> {
  for (let waitedMs = 0; waitedMs < SILENCE_MS; waitedMs += RETRY_MS) {
    try {
      return (await handle.read(buffer)).bytesRead;
    } catch (error) {
      if (!["EAGAIN", "EINTR"].includes(codeOf(error))) throw error;
    }
    await delay(RETRY_MS);
  }
  throw withCode(SILENT);
}

/** headgate's own code, because ETIMEDOUT may come from a network mount. */
const SILENT = "SILENT";

/** The reason for a file that is no text. */
export const NOT_UTF8 = "is not UTF-8 text";

/**
 * The errors whose reason is the file itself. All others (EMFILE, ENFILE, ENOMEM, EIO, ESTALE, …) come from the machine or the mount
 * and may pass. An unknown code must not look like a change of the file.
 */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist: a part of its path is no directory",
  EACCES: "may not be read by this user",
  EPERM: "may not be read by this user",
  EISDIR: "is a directory",
  ENAMETOOLONG: "has a name that is too long",
  ELOOP: "is a symbolic link that leads to itself",
  ENXIO: "is no file",
  EPIPE: "is a pipe without a writer",
  [SILENT]: "is a pipe or a device from which nothing came for 30 s",
  ERR_ENCODING_INVALID_ENCODED_DATA: NOT_UTF8,
};

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}
