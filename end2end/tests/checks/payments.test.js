// Payments through a gateway that is another program: it signs, seals and keeps books by Node's cryptography, fails, and repeats
// itself.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { accepted, monthName, subscriber, tariffs } from '../../lib/fixture.js';
import { PaymentGateway } from '../../lib/gateway.js';
import { runIn, start } from '../../lib/server.js';
import { expect, test } from '../../lib/test.js';

const msisdn = '19900400001';
const patience = { timeout: 90_000 };

let gateway;
let server;
let dataDir;

async function file(name, text) {
  await writeFile(path.join(dataDir, name), text);
  return path.join(dataDir, name);
}

test.describe.configure({ mode: 'serial' });

test.beforeAll(async () => {
  test.setTimeout(300_000);
  dataDir = await mkdtemp(path.join(tmpdir(), 'mingbai-payments-'));
  // PostgreSQL works as another user where we are root.
  await chmod(dataDir, 0o755);
  gateway = await new PaymentGateway().start();
  server = await start({ dataDir, args: ['--demo'], env: await gateway.environment(dataDir) });
  const tariffFile = await file('tariffs.json', `${JSON.stringify(tariffs())}\n`);
  accepted(await runIn(dataDir, 'tariffs', 'import', tariffFile), 2);
  const people = await file('people.ndjson', `${JSON.stringify(subscriber(msisdn))}\n`);
  accepted(await runIn(dataDir, 'subscribers', 'import', people), 1);
  await runIn(dataDir, 'bills', 'run', '--month', monthName(2));
});

test.afterAll(async () => {
  await server?.stop();
  await gateway?.stop();
  if (dataDir) await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

async function signIn(page) {
  await page.goto(`${server.url}/login?next=/me/balance`);
  const form = page.locator('form[data-method=code]');
  await form.locator('input[name=msisdn]').fill(msisdn);
  await form.locator('button[type=submit]').click();
  const answer = page.locator('form[action="/api/sign_in_with_code"]');
  await expect(answer).toBeVisible();
  const handset = await page.context().newPage();
  await handset.goto(`${server.url}/demo/handset/${msisdn}`);
  const [, code] = /验证码(\d{6})/.exec(await handset.locator('.sms-text').last().innerText());
  await handset.close();
  await answer.locator('input[name=code]').fill(code);
  await answer.locator('button[type=submit]').click();
  await expect(page).toHaveURL(`${server.url}/me/balance`);
}

/** Tops up, and pays where the gateway says. */
async function topUp(page, yuan) {
  await page.goto(`${server.url}/me/balance`);
  const form = page.locator('form[action="/api/pay"]').filter({ has: page.locator('input[value=top_up]') });
  await form.locator('input[name=own]').fill(yuan);
  await form.locator('button[value=link]').click();
  const go = page.getByRole('link', { name: '去付款' });
  await expect(go).toBeVisible(patience);
  const followed = page.url();
  const wallet = await page.context().newPage();
  await wallet.goto(await go.getAttribute('href'));
  await wallet.getByRole('button').click();
  await expect(wallet).toHaveTitle('SUCCESS');
  await wallet.close();
  await expect(async () => {
    await page.goto(followed);
    await expect(page.locator('[data-state=paid]')).toBeVisible({ timeout: 500 });
  }).toPass(patience);
}

test('what is paid is noted once, whatever the gateway does meanwhile', async ({ page }) => {
  test.setTimeout(300_000);
  await signIn(page);

  await test.step('a gateway at its best', async () => {
    await topUp(page, '10.00');
    expect(gateway.callbacks).toContainEqual({ event: 'TRANSACTION.SUCCESS', status: 204 });
  });

  await test.step('requests that fail, before and after they are done', async () => {
    gateway.behave({ failBefore: 1, failAfter: 2 });
    await topUp(page, '20.00');
  });

  await test.step('callbacks that come three times and late', async () => {
    gateway.behave({ callbacks: 3, lateMs: 500 });
    await topUp(page, '30.00');
  });

  await test.step('no callbacks at all: it is asked after', async () => {
    gateway.behave({ callbacks: 0 });
    await topUp(page, '40.00');
  });

  await page.goto(`${server.url}/me/balance`);
  await expect(page.locator('.figure').first()).toContainText('100.00');
  const books = await gateway.books();
  expect(books.payments.map(({ fen, state }) => [fen, state])).toEqual(
    [1000, 2000, 3000, 4000].map((fen) => [fen, 'SUCCESS']),
  );
});

test('nobody else says what was paid', async ({ request }) => {
  const answer = await request.post(`${server.url}/gateway/wechat/notify`, { data: { event_type: 'TRANSACTION.SUCCESS' } });
  expect(answer.status()).toBe(401);
  expect(await answer.json()).toMatchObject({ code: 'FAIL' });
});
