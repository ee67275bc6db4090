// SMS by SMPP, against the server of the npm package `smpp` as the SMS centre.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { accepted, addon, monthName, subscriber, tariffs } from '../../lib/fixture.js';
import { run, runIn, start } from '../../lib/server.js';
import { Centre } from '../../lib/sms.js';
import { expect, test } from '../../lib/test.js';

/** Bills go to all of them at once. */
const many = Array.from({ length: 60 }, (_, index) => `1990020${String(index).padStart(4, '0')}`);
const [talker, unreachable, sleeper, reader] = many;
const patience = { timeout: 30_000 };

let centre;
let server;
let dataDir;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async () => {
  test.setTimeout(180_000);
  dataDir = await mkdtemp(path.join(tmpdir(), 'mingbai-sms-'));
  // PostgreSQL works as another user where we are root.
  await chmod(dataDir, 0o755);
  const file = async (name, content) => {
    await writeFile(path.join(dataDir, name), content);
    return path.join(dataDir, name);
  };
  centre = await new Centre().start();
  const env = { MINGBAI_SMPP_URL: centre.url, MINGBAI_SMPP_WINDOW: '8' };
  server = await start({ dataDir, env });
  const offered = await file('tariffs.json', JSON.stringify(tariffs()));
  accepted(await runIn(dataDir, 'tariffs', 'import', offered), 2);
  const people = await file('people.ndjson', many.map((msisdn) => `${JSON.stringify(subscriber(msisdn))}\n`).join(''));
  accepted(await runIn(dataDir, 'subscribers', 'import', people), many.length);
});

test.afterAll(async () => {
  await server?.stop();
  await centre?.stop();
  if (dataDir) await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

/** The first message that the phone shows after `known`, all parts joined. */
async function next(phone, known) {
  await expect.poll(() => phone.shown.length, patience).toBeGreaterThan(known);
  return phone.shown[known];
}

/** What the phone shows after `known` and says that; in the last days of a month the first charge is told between. */
async function heard(phone, known, said) {
  const found = () => phone.shown.slice(known).find(({ text }) => said.test(text));
  await expect.poll(() => found() !== undefined, patience).toBe(true);
  return found().text;
}

async function signIn(page, msisdn) {
  const phone = centre.phone(msisdn);
  const known = phone.shown.length;
  await page.goto(`${server.url}/login?next=/me`);
  const form = page.locator('form[data-method=code]');
  await form.locator('input[name=msisdn]').fill(msisdn);
  await form.locator('button[type=submit]').click();
  const sms = await next(phone, known);
  expect(sms).toMatchObject({ from: '10086', parts: 1 });
  const [, code] = /(?:验证码|code )(\d{6})/.exec(sms.text);
  const answer = page.locator('form[action="/api/sign_in_with_code"]');
  await answer.locator('input[name=code]').fill(code);
  await answer.locator('button[type=submit]').click();
  await expect(page).toHaveURL(`${server.url}/me`);
  return phone;
}

/** Asks for the add-on on the portal; what the phone shows of it. */
async function ask(page, phone) {
  const known = phone.shown.length;
  await page.goto(`${server.url}/me/order/${addon.scheme_id}`);
  await page.locator('form[action="/api/order"] button').click();
  return next(phone, known);
}

async function active(page) {
  await page.goto(`${server.url}/me/addons`);
  return page.locator('article').filter({ has: page.getByRole('heading', { name: addon.name }) }).count();
}

async function metric(name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line && Number(line.split(' ').at(-1));
}

test('asked on the portal, answered from the phone', async ({ page }) => {
  expect(centre.bound).toEqual([{ version: 0x34 }]);
  const phone = await signIn(page, talker);

  await test.step('the description and the code arrive in Chinese, in parts that are joined', async () => {
    const sms = await ask(page, phone);
    expect(sms.parts).toBeGreaterThan(1);
    for (const said of ['【明白】', addon.name, '10.00元', '512MB', '回复Y']) expect(sms.text).toContain(said);
    expect(sms.text).toMatch(/验证码\d{6}/);
    const parts = centre.submitted.slice(-sms.parts);
    expect(parts.map(({ udh }) => udh[0].slice(3))).toEqual(parts.map((_, index) => [sms.parts, index + 1]));
    expect(Math.max(...parts.map(({ octets }) => octets))).toBeLessThanOrEqual(134);
    // The centre does not deliver it when it can no longer be answered.
    for (const { validity } of parts) expect(validity).toBeLessThanOrEqual(600_000);
  });

  await test.step('a no in two parts, the last first, refuses it', async () => {
    const known = phone.shown.length;
    const part = (number, text) => phone.message(text, { udh: [5, 0, 3, 77, 2, number], user_message_reference: 900 });
    await centre.deliver(part(2, '意。'));
    await centre.deliver(part(1, '不同'));
    expect((await next(phone, known)).text).toContain('不开通');
    expect(await active(page)).toBe(0);
  });

  await test.step('a yes orders it, once, also when the centre delivers it twice', async () => {
    await ask(page, phone);
    const known = phone.shown.length;
    const yes = phone.message('Ｙ');
    await centre.deliver(yes);
    await centre.deliver(yes);
    await heard(phone, known, /已开通/);
    expect(await active(page)).toBe(1);
    await phone.send('Y');
    await heard(phone, known, /没有等待答复/);
    expect(phone.shown.slice(known).filter(({ text }) => !text.includes('首次扣费'))).toHaveLength(2);
  });

  await test.step('its slip is downloaded, and checked by the program alone', async () => {
    await page.goto(`${server.url}/me/agreements`);
    await page.locator('.entries > li').filter({ hasText: addon.name }).getByRole('link', { name: '看凭证' }).click();
    const waiting = page.waitForEvent('download');
    await page.locator('a[href$="/slip.pdf"]').click();
    const slip = await (await waiting).path();
    const said = await run('evidence', 'verify', slip);
    for (const known of [talker, addon.scheme_id, 'Ｙ']) expect(said).toContain(known);
  });

  await test.step('0000 lists what there is, and the number of a service cancels it', async () => {
    const known = phone.shown.length;
    await phone.send('0000');
    const list = await heard(phone, known, /您的业务/);
    expect(list).toMatch(new RegExp(`1\\. .+\\n2\\. ${addon.name} 每月10\\.00元`));
    await phone.send('2');
    await heard(phone, known, new RegExp(`“${addon.name}”已(在首次扣费前)?退订`));
    await page.goto(`${server.url}/me/addons`);
    const service = page.locator('article').filter({ has: page.getByRole('heading', { name: addon.name }) });
    const ended = page.locator('details').filter({ hasText: addon.name });
    expect((await ended.count()) + (await service.getByText(/不(再)?收费/).count())).toBeGreaterThan(0);
  });

  await test.step('the portal shows that all of it arrived', async () => {
    await expect(async () => {
      await page.goto(`${server.url}/me/notices`);
      const states = await page.locator('.entries li .row span').allInnerTexts();
      expect(states.length).toBeGreaterThan(4);
      for (const state of states) expect(state).toContain('送到');
    }).toPass(patience);
  });

  await test.step('a number that nobody here has is answered, and nothing comes of it', async () => {
    const before = centre.submitted.length;
    expect(await centre.deliverOnce(centre.phone('13700000000').message('Y'))).toBe(0);
    expect(await centre.deliverOnce({ ...phone.message('Y'), source_addr: '95555' })).toBe(0);
    await pause(700);
    expect(centre.submitted).toHaveLength(before);
  });
});

test('who reads English gets it in the alphabet of GSM, and may write in it', async ({ page }) => {
  const phone = await signIn(page, reader);
  await page.goto(`${server.url}/me/notices/choices`);
  await page.locator('input[name=language][value=en]').check();
  await page.locator('form[action="/api/notice_choices"] button').click();
  await expect(page.locator('input[name=language][value=en]')).toBeChecked();

  await test.step('a short answer is one message', async () => {
    const known = phone.shown.length;
    await phone.send('CXLL', { data_coding: 0 });
    const sms = await next(phone, known);
    expect(sms).toMatchObject({ parts: 1, coding: 0 });
    expect(sms.text).toMatch(/^\[Mingbai\] Data this month: /);
  });

  await test.step('a long one is in parts of up to 153 letters', async () => {
    const known = phone.shown.length;
    await phone.send('what?', { data_coding: 0 });
    const sms = await next(phone, known);
    expect(sms).toMatchObject({ parts: 2, coding: 0 });
    expect(sms.text).toContain('KTTX/QXTX: tips on/off');
    expect(centre.submitted.slice(-2).map(({ octets }) => octets)[0]).toBe(153);
  });
});

test('what cannot be read is refused, and the connection stays', async () => {
  const phone = centre.phone(reader);
  const [known, bound] = [phone.shown.length, centre.bound.length];
  const text = Buffer.alloc(100, 'A');
  const header = Buffer.alloc(16);
  [16 + text.length, 5, 0, 900_001].forEach((word, index) => header.writeUInt32BE(word, index * 4));
  centre.sendOctets(Buffer.concat([header, text]));
  await phone.send('CXLL');
  await next(phone, known);
  await expect.poll(() => metric('mingbai_sms_received_total{result="unreadable"}')).toBe(1);
  expect(centre.bound).toHaveLength(bound);
});

test('a message that does not reach the phone is shown as such', async ({ page }) => {
  const phone = await signIn(page, unreachable);
  centre.set({ failing: { [`86${unreachable}`]: 'EXPIRED' }, receiptFirst: true });
  await phone.send('你好');
  await expect(async () => {
    await page.goto(`${server.url}/me/notices`);
    await expect(page.locator('.entries li .row span').first()).toHaveText(/没有送到：手机关机/);
  }).toPass(patience);
  centre.set({ failing: {}, receiptFirst: false });
});

test('the SMS centre is killed in the middle, and every message arrives, none twice', async ({ page }) => {
  test.setTimeout(180_000);
  const phone = await signIn(page, sleeper);
  const asked = await ask(page, phone);
  const before = new Map(many.map((msisdn) => [msisdn, centre.phone(msisdn).shown.length]));
  const submitted = centre.submitted.length;

  await test.step('it dies with messages that it has and did not answer, and refuses some for now', async () => {
    centre.set({ throttleEvery: 9, dieAfter: 25 });
    for (const back of [3, 2, 1]) await runIn(dataDir, 'bills', 'run', '--month', monthName(back));
    await centre.kill(true);
  });

  await test.step('a yes that is sent meanwhile is not lost', async () => {
    const sent = phone.send('是');
    await pause(1500);
    await centre.start();
    await sent;
  });

  await test.step('killed once more, from outside', async () => {
    await expect.poll(() => centre.submitted.length - submitted, patience).toBeGreaterThan(60);
    await centre.kill();
    await centre.start();
  });

  const told = (msisdn) => centre.phone(msisdn).shown.slice(before.get(msisdn));
  const bills = (msisdn) => told(msisdn).filter(({ text }) => /账单：共|Bill of /.test(text)).map(({ text }) => text);
  await expect
    .poll(() => many.filter((msisdn) => bills(msisdn).length < 3).length, { timeout: 120_000 })
    .toBe(0);
  await pause(1500);
  for (const msisdn of many) {
    expect(new Set(bills(msisdn)).size).toBe(3);
    expect(bills(msisdn)).toHaveLength(3);
  }
  expect(asked.text).toContain(addon.name);
  expect(told(sleeper).filter(({ text }) => text.includes('已开通'))).toHaveLength(1);
  expect(await active(page)).toBe(1);
  await expect.poll(() => metric('mingbai_sms_queue'), { timeout: 15_000 }).toBe(0);
  expect(await metric('mingbai_sms_bound')).toBe(1);
  expect(await metric('mingbai_sms_parts_total{result="throttled"}')).toBeGreaterThan(0);
  // The centre did have some twice, each time the same: it is the references by which a phone knows them again.
  const copies = centre.submitted.slice(submitted).map(({ to, reference, udh, text }) =>
    JSON.stringify({ to, reference, udh, text }),
  );
  expect(new Set(copies).size).toBeLessThan(copies.length);
  // No more of them than were unanswered when it was killed, twice.
  expect(copies.length - new Set(copies).size).toBeLessThanOrEqual(2 * 8);
  const references = centre.submitted.slice(submitted).map(({ to, reference }) => `${to} ${reference}`);
  expect(new Set(references).size).toBe(new Set(copies).size);
});
