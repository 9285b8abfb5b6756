import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';

/** The parts of package-lock.json that are looked at. */
interface Locked {
  readonly version?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'package-lock.json');

/**
 * Optional packages for other platforms that the lock file names without having an entry for them. npm leaves them out when the
 * registry it asked did not hold them, and `npm ci` then refuses the file on every platform.
 */
function missingFrom(packages: Readonly<Record<string, Locked>>): readonly (readonly [string, object])[] {
  return Object.entries(packages).flatMap(([folder, owner]) =>
    Object.entries(owner.optionalDependencies ?? {})
      .filter(([name]) => !(`node_modules/${name}` in packages) && !(`${folder}/node_modules/${name}` in packages))
      .map(([name, version]) => [`node_modules/${name}`, entryFor(name, {version, owner})] as const),
  );
}

function entryFor(name: string, {version, owner}: {version: string; owner: Locked}): object {
  const [os, cpu, libc] =
    /(?:^|[-/])(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(gnu|musl))?/
      .exec(name)
      ?.slice(1) ?? [];
  if (os === undefined || !/^\d+\.\d+\.\d+/.test(version))
    throw new Error(`package-lock.json lacks ${name} ${version}, which says no platform`);
  return {
    version,
    cpu: [cpu],
    ...(owner.dev ? {dev: true} : {}),
    ...(libc === undefined ? {} : {libc: [libc === 'gnu' ? 'glibc' : libc]}),
    ...(owner.license ? {license: owner.license} : {}),
    optional: true,
    os: [os],
  };
}

/** The entry of the project itself; npm drops optional packages of other platforms from it, too. */
function projectEntry(packages: Readonly<Record<string, Locked>>): Locked {
  const {dependencies, devDependencies, optionalDependencies} = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
    string,
    Readonly<Record<string, string>>
  >;
  return {...packages[''], dependencies, devDependencies, optionalDependencies} as Locked;
}

const before = readFileSync(file, 'utf8');
const lock = JSON.parse(before) as {packages: Record<string, Locked>};
const packages = {...lock.packages, '': projectEntry(lock.packages)};
const added = missingFrom(packages);
const sorted = [...Object.entries(packages), ...added].sort(([a], [b]) => a.localeCompare(b, 'en'));
const after = `${JSON.stringify({...lock, packages: Object.fromEntries(sorted)}, null, 2)}\n`;
if (after !== before && process.argv.includes('--check')) {
  console.error('package-lock.json is incomplete, so that npm ci would refuse it: run node script/complete-lock.ts');
  process.exit(1);
}
if (after !== before) {
  writeFileSync(file, after);
  console.log(`package-lock.json completed, ${added.length} packages added`);
}
