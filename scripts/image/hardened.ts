/** What a production host would tell podman: docs/image.md. */
export const HARDENED = [
  ...["--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL"],
  "--security-opt=no-new-privileges",
];
