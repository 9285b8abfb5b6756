// Exit status 0 when node_modules holds every package of package-lock.json in its version. Runs on any Node since 18.
import {readFileSync} from 'node:fs';

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
};

const there = packagesOf('node_modules/.package-lock.json');
const wanted = Object.entries(packagesOf('package-lock.json')).filter(
  ([folder, one]) => folder !== '' && (folder in there || (!one.optional && !one.peer)),
);
process.exitCode = wanted.length > 0 && wanted.every(([folder, one]) => there[folder]?.version === one.version) ? 0 : 1;
