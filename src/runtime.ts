/**
 * The ports through which everything impure goes. `runtime_deno.ts` is the one real implementation;
 * tests inject their own clock, faulty disk or seeded randomness. They travel by constructor.
 */

/** Time. Wall-clock times are integer milliseconds since the epoch, UTC. */
export interface Clock {
  now(): number;
  /** Milliseconds on a clock that no one can step; only differences mean anything. */
  monotonic(): number;
  /** Rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** Uniform in [0, 1). */
  fraction(): number;
  uuid(): string;
}

export interface FileInfo {
  readonly size: number;
  readonly mode: number | null;
  readonly inode: number | null;
  readonly isFile: boolean;
}

/** Of what has this name itself: a symbolic link is not followed. */
export interface Ownership {
  readonly uid: number;
  /** Permission bits, with set-id and sticky bits left out. */
  readonly mode: number;
  /** Number of the file system that it lies on. */
  readonly device: number;
  readonly isDirectory: boolean;
}

/** An open file that only grows. `append` MUST return only after the bytes are on the disk. */
export interface AppendFile {
  readonly path: string;
  append(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/**
 * The disk. Durable verbs MUST fsync the file and, where a name changes, its directory.
 * Throws TransientError `disk_full` on ENOSPC/EDQUOT and StalledError `state_unwritable` on EACCES/EROFS.
 */
export interface Files {
  /** null when there is no such file; InvalidInputError `too_large` above `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** A bounded slice, for files too large to hold: at most `length` bytes from `offset`. */
  readAt(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  stat(path: string): Promise<FileInfo | null>;
  /** Names (not paths) in a folder, sorted; empty when the folder does not exist. */
  list(directory: string): Promise<string[]>;
  ensureDirectory(path: string): Promise<void>;
  /** One directory with exactly this mode; false, and nothing done, when the name is taken. */
  makeDirectory(path: string, mode: number): Promise<boolean>;
  setMode(path: string, mode: number): Promise<void>;
  /** null when there is no such name. */
  owner(path: string): Promise<Ownership | null>;
  /** Returns false, and writes nothing, when the file exists already. Mode 0600. */
  createExclusive(path: string, bytes: Uint8Array): Promise<boolean>;
  /** temp → fsync → rename → fsync of the directory. Mode 0600. */
  replaceDurably(path: string, bytes: Uint8Array): Promise<void>;
  openAppend(path: string): Promise<AppendFile>;
  /** Cuts a file to `size` bytes, durably. */
  truncate(path: string, size: number): Promise<void>;
  /** Durable; no error when it is already gone. */
  remove(path: string): Promise<void>;
  /** An advisory lock that the kernel drops with the process; null when another process holds it. */
  tryLock(path: string): Promise<FileLock | null>;
}

export interface FileLock {
  release(): void;
}

/** What stands under a name, looked at without following it. */
export interface TreeEntry {
  readonly type: "file" | "directory" | "link" | "other";
  /** Device and inode: equal for as long as it is the same one. */
  readonly identity: string;
  readonly links: number;
  readonly size: number;
  /** Permission bits; setuid, setgid and sticky among them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * A disk on which others may write too. No verb follows a link in the last part of a path; those before
 * it are for the caller to look at. Every change is durable, and so is its name, when the call returns.
 * Throws TransientError `disk_full` and StalledError `access_denied`.
 */
export interface FileTree {
  lstat(path: string): Promise<TreeEntry | null>;
  /** Every link resolved; null when there is nothing. */
  realPath(path: string): Promise<string | null>;
  /** What was really opened, and its bytes, at most `maxBytes + 1`; null unless it is a regular file. */
  read(
    path: string,
    maxBytes: number,
  ): Promise<{ readonly entry: TreeEntry; readonly bytes: Uint8Array<ArrayBuffer> } | null>;
  /** A new file of exactly this mode, whatever the umask; null when the name is taken. */
  create(path: string, bytes: Uint8Array, mode: number): Promise<TreeEntry | null>;
  /** Over a file that has the name; false when it is a directory, or `from` or the directory of `to` is gone. */
  rename(from: string, to: string): Promise<boolean>;
  /** A directory that holds something stays; no error when the name is gone. */
  remove(path: string): Promise<void>;
  /** Mode 0755; false when the name is taken. */
  makeDirectory(path: string): Promise<boolean>;
  /** False when it is not empty, no directory, or gone. */
  removeDirectory(path: string): Promise<boolean>;
}

export interface HttpClientOptions {
  /** PEM certificates trusted besides the system's roots. */
  readonly caPem?: string;
  /** Client certificate and key, PEM. */
  readonly certPem?: string;
  readonly keyPem?: string;
  /** Proxy URL, `http://host:port`. */
  readonly proxy?: string;
  /** HTTP basic authentication towards the proxy. */
  readonly proxyAuth?: { readonly username: string; readonly password: string };
  /** Speaks HTTP over this Unix socket instead of TCP. */
  readonly unixSocket?: string;
}

/** A pooled HTTP client. Redirects are refused by every implementation. */
export interface HttpClient {
  fetch(url: string, init: RequestInit): Promise<Response>;
  close(): void;
}

/** Certificate chain and private key, PEM. */
export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TlsOptions extends KeyPair {
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface UnixSocketOptions {
  readonly unixSocket: string;
  /** 0600 lets the agent's own user and root open it, 0660 the socket's group as well. */
  readonly mode: 0o600 | 0o660;
}

export interface HttpServer {
  /** Takes no new request and waits for those that run. */
  close(): Promise<void>;
}

export interface TlsServer extends HttpServer {
  readonly port: number;
  /**
   * New connections meet this certificate; requests that run end where they began. A pair that cannot be
   * used changes nothing: StalledError `config_invalid`.
   */
  renew(pair: KeyPair): Promise<void>;
}

export type RequestHandler = (request: Request) => Response | Promise<Response>;

export interface Http {
  /** Throws on certificates, a key or a proxy that cannot be used. */
  client(options: HttpClientOptions): HttpClient;
  serveUnix(options: UnixSocketOptions, handler: RequestHandler): Promise<HttpServer>;
  /** Throws StalledError `config_invalid`. */
  serveTls(options: TlsOptions, handler: RequestHandler): TlsServer;
}

/** Tells another process on this machine, one datagram at a time. */
export interface DatagramSender {
  /** Throws StalledError `access_denied` where nobody listens, or this process may not. */
  send(bytes: Uint8Array): Promise<void>;
  close(): void;
}

export interface Datagrams {
  /**
   * @param to Unix socket of the one who listens
   * @param from name that this end needs for a moment, in a directory that may be written; nothing stays
   * Throws StalledError `access_denied`.
   */
  open(to: string, from: string): Promise<DatagramSender>;
}

export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly tree: FileTree;
  readonly http: Http;
  readonly datagrams: Datagrams;
}

/** What this process says of itself. A program that was tampered with says what it likes. */
export interface ThisProcess {
  /** Versions of the runtime. */
  readonly deno: string;
  readonly v8: string;
  /** As `x86_64-unknown-linux-gnu`. */
  readonly target: string;
  /** Path of the one file that everything is in; null when a Deno beside it runs the code. */
  readonly executable: string | null;
  /** Whether it holds a permission: for everything of its kind, or for one path, name or address. */
  isGranted(kind: PermissionKind, value?: string): Promise<boolean>;
}

export type PermissionKind = "read" | "write" | "net" | "env" | "sys" | "run" | "ffi";
