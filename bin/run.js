#!/usr/bin/env node
import program from '../dist/orchestrator.cjs';
await program.main(process.argv.slice(2));
