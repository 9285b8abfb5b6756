#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
const {main} = await import('../src/main.ts');
await main(process.argv.slice(2));
