/** See debian-mirror.mjs. */
export function debianMirror(): string;
