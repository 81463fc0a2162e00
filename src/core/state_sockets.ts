/** The Unix sockets in the state directory, and how long its path may be for them. */

/** Where the command line asks. */
export const ADMIN_SOCKET = "agent.sock";
/** From which the service manager is told; it has this name for a moment. */
export const NOTICE_SOCKET = "notify.sock";

/** Of a socket's path, in bytes, on Linux: sun_path without its end. */
const MAX_SOCKET_PATH = 107;
const LONGEST = Math.max(ADMIN_SOCKET.length, NOTICE_SOCKET.length);
/** In bytes. */
export const MAX_STATE_DIR = MAX_SOCKET_PATH - "/".length - LONGEST;
