// Phone calls, against a call-out service that verifies and signs by the npm package `standardwebhooks`.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CallService, otherSecret, secret } from '../../lib/calls.js';
import { accepted, GIB, MIB, subscriber, tariffs, usage } from '../../lib/fixture.js';
import { runIn, start } from '../../lib/server.js';
import { expect, test } from '../../lib/test.js';

const [caller, quiet] = ['19900300001', '19900300002'];
const patience = { timeout: 30_000 };

let service;
let server;
let dataDir;

async function file(name, rows) {
  await writeFile(path.join(dataDir, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path.join(dataDir, name);
}

/** Uses data just now. */
async function use(name, ...quantities) {
  const numbers = [caller, quiet];
  const rows = numbers.flatMap((msisdn) => quantities.map((quantity) => usage(msisdn, 'data', quantity, new Date())));
  accepted(await runIn(dataDir, 'usage', 'ingest', await file(name, rows)), rows.length);
}

test.describe.configure({ mode: 'serial' });

test.beforeAll(async () => {
  test.setTimeout(180_000);
  dataDir = await mkdtemp(path.join(tmpdir(), 'mingbai-calls-'));
  // PostgreSQL works as another user where we are root.
  await chmod(dataDir, 0o755);
  service = await new CallService().start();
  const env = { MINGBAI_CALL_URL: service.url, MINGBAI_CALL_SECRET: secret };
  server = await start({ dataDir, args: ['--demo'], env });
  accepted(await runIn(dataDir, 'tariffs', 'import', await file('tariffs.json', [tariffs()])), 2);
  accepted(await runIn(dataDir, 'subscribers', 'import', await file('people.ndjson', [caller, quiet].map(subscriber))), 2);
});

test.afterAll(async () => {
  await server?.stop();
  await service?.stop();
  if (dataDir) await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

async function signIn(page, msisdn) {
  await page.goto(`${server.url}/login?next=/me/notices/choices`);
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
  await expect(page).toHaveURL(`${server.url}/me/notices/choices`);
}

test('a call is made to who chose it, signed, once, and how it ended is shown', async ({ page }) => {
  test.setTimeout(120_000);
  const overUse = page.locator('input[name=call_over_use]');
  const renewal = page.locator('input[name=call_renewal]');

  await test.step('calls are chosen on the page', async () => {
    await signIn(page, caller);
    await expect(overUse).not.toBeChecked();
    await expect(renewal).not.toBeChecked();
    await overUse.check();
    await page.locator('form[action="/api/notice_choices"] button').click();
    await expect(page.getByRole('status')).toContainText('存好了');
    await expect(overUse).toBeChecked();
    await expect(renewal).not.toBeChecked();
    await expect(page.locator('input[name=usage_share]')).toBeChecked();
  });

  await test.step('the call is handed over, again under the same id when it was not taken', async () => {
    service.answer(503);
    await use('all.ndjson', GIB);
    await expect.poll(() => service.calls.map(({ status }) => status), patience).toEqual([503, 202]);
    const [first, second] = service.calls;
    expect(second.webhookId).toBe(first.webhookId);
    expect(second).toMatchObject({
      call_id: first.webhookId,
      to: `+86${caller}`,
      language: 'zh-CN',
      callback_url: `${server.url}/calls/status`,
    });
    expect(second.text).toContain('流量已经用完');
    expect(second.text).not.toMatch(/[【】]|回复/);
    expect(new Date(second.ring_before).getTime()).toBeGreaterThan(Date.now());
    expect(service.unverified).toEqual([]);
  });

  const [{ call_id: callId, callback_url: url }] = service.calls;
  const call = page.locator('.entries li').filter({ hasText: '您好，这里是明白' });
  const shown = async () => {
    await page.goto(`${server.url}/me/notices`);
    await expect(call).toHaveCount(1);
    return call.innerText();
  };

  await test.step('nobody else can tell how it ended, and nothing can be told late or of no call', async () => {
    const told = { url, callId, status: 'answered' };
    expect(await service.tell({ ...told, by: otherSecret })).toBe(401);
    expect(await service.tell({ ...told, minutesAgo: 6 })).toBe(401);
    expect(await service.tell({ ...told, minutesAgo: -6 })).toBe(401);
    expect(await service.tell({ ...told, callId: 'call_1_999999999' })).toBe(404);
    expect(await service.tell({ ...told, status: 'ringing' })).toBe(400);
    expect(await service.tell({ ...told, body: ' '.repeat(5000) })).toBe(413);
    expect(await shown()).toContain('开始拨打');
  });

  await test.step('the first word counts, however often it comes', async () => {
    for (const status of ['answered', 'answered', 'busy']) {
      expect(await service.tell({ url, callId, status })).toBe(204);
    }
    expect(await shown()).toContain('已接听');
  });

  await test.step('another event is another call; one that nobody took says so', async () => {
    await use('cap.ndjson', GIB, 70 * MIB);
    await expect.poll(() => service.calls.length, patience).toBe(3);
    const { call_id, text } = service.calls[2];
    expect(text).toContain('四元九角八分');
    expect(await service.tell({ url, callId: call_id, status: 'no_answer' })).toBe(204);
    await page.goto(`${server.url}/me/notices`);
    await expect(page.locator('.entries')).toContainText('打了，没人接');
  });

  await test.step('nobody is called who did not choose it, nor twice', async () => {
    await pause(2500);
    expect(service.calls.map(({ to }) => to)).toEqual(Array(3).fill(`+86${caller}`));
  });
});

test('choices are one, on the page and by SMS, and messages come in the language chosen', async ({ page }) => {
  await signIn(page, quiet);
  await page.locator('input[name=usage_share]').uncheck();
  await page.locator('input[name=language][value=en]').check();
  await page.locator('form[action="/api/notice_choices"] button').click();
  await expect(page.locator('input[name=usage_share]')).not.toBeChecked();
  await expect(page.locator('input[name=language][value=en]')).toBeChecked();
  const handset = `${server.url}/demo/handset/${quiet}`;
  await page.goto(handset);
  await page.locator('input[name=text]').fill('KTTX');
  await page.locator('form[action="/api/demo_reply"] button').click();
  await expect(page.locator('.sms-list')).toContainText('Usage tips are on');
  await page.goto(`${server.url}/me/notices/choices`);
  await expect(page.locator('input[name=usage_share]'), 'one choice, by SMS and on the page').toBeChecked();
  await expect(page.locator('input[name=call_over_use]'), 'no call comes of it').not.toBeChecked();
});
