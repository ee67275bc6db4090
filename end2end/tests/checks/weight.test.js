import { expect, test } from '../../lib/test.js';

/** What the first page of a subscriber may transfer in wasm, in bytes. */
const WASM_BYTES_MAX = 110 * 1024;

test.use({ storageState: async ({}, use) => use(process.env.END2END_SIGNED_IN) });

test('the first page transfers little wasm, compressed by brotli', async ({ page }) => {
  const loaded = [];
  page.on('requestfinished', (request) => {
    if (/\.wasm(\?|$)/.test(request.url())) loaded.push(request);
  });
  await page.goto('/me', { waitUntil: 'networkidle' });
  expect(loaded).toHaveLength(1);
  const [request] = loaded;
  const response = await request.response();
  expect(response.headers()['content-encoding']).toBe('br');
  expect(response.headers()['content-type']).toBe('application/wasm');
  const { responseBodySize } = await request.sizes();
  expect(responseBodySize).toBeGreaterThan(1000);
  expect(responseBodySize).toBeLessThanOrEqual(WASM_BYTES_MAX);
});

test('a page runs no script but its own', async ({ request }) => {
  const policy = (await request.get('/')).headers()['content-security-policy'];
  expect(policy).toContain("default-src 'none'");
  const [scripts] = /script-src [^;]*/.exec(policy);
  expect(scripts).not.toContain("'unsafe-inline'");
  expect(scripts).not.toContain("'unsafe-eval'");
});
