import { existsSync } from 'node:fs';

const places = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The Chromium of this machine: the tests download no browser. */
export function chromium() {
  const found = places.find((place) => place && existsSync(place));
  if (!found) {
    throw new Error('no Chromium found: install one (Debian: apt-get install chromium) or name it in CHROMIUM');
  }
  return found;
}

/** Root cannot use Chromium's sandbox, and containers have little shared memory. */
export const launchArguments = [
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];
