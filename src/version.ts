import manifest from '../package.json' with {type: 'json'};

/** Put in by `script/build`; absent when run from sources. */
declare const BUILD_REVISION: string | undefined;

/** What `--version`, the deployments table and node health say this program is. */
export const build: {readonly version: string; readonly revision: string} = {
  version: manifest.version,
  revision: typeof BUILD_REVISION === 'string' ? BUILD_REVISION : '',
};
