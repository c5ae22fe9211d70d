/** Preloaded into a daemon whose memory is watched (`node --expose-gc --import`): SIGUSR2 has V8 collect all of its garbage. @module */
process.on("SIGUSR2", () => globalThis.gc());
