// The whole job: sign in, order, use, reach the cap, stop, and understand the bill.
import { GIB, accepted, addon, cap, capAllows, lastBill, monthName, ndjson, numberOf, plan, usage } from '../../lib/fixture.js';
import { countSms, fen, masked, nextSms, signInByCode } from '../../lib/portal.js';
import { run } from '../../lib/server.js';
import { expect, test } from '../../lib/test.js';

test('from a yes by SMS to a bill that explains itself', async ({ page }, info) => {
  const msisdn = numberOf('journey', info.project.name);

  await test.step('sign in by the code on the phone', async () => {
    await signInByCode(page, msisdn);
    await expect(page.locator('h1')).toBeVisible();
  });

  const sms = await test.step('order an add-on: everything before, then the yes by SMS', () => order(page, msisdn));

  await test.step('it runs, and the slip holds the exact text', async () => {
    await expect(page).toHaveURL(/\/me\/addons\?/);
    await expect(service(page, addon)).toContainText('10.00');
    await page.goto('/me/agreements');
    const entry = page.locator('.entries > li').filter({ hasText: addon.name });
    await expect(entry).toContainText('短信验证码');
    await entry.getByRole('link', { name: '看凭证' }).click();
    await expect(page.locator('blockquote[data-asked]')).toHaveText(masked(sms));
    await expect(page.locator('.hash').first()).toHaveText(/^[0-9a-f]{64}$/);
  });

  await test.step('usage reaches the cap, and costs what the cap allows and no more', async () => {
    await ingest(msisdn, 6 * GIB);
    await atTheCap(page);
    await ingest(msisdn, 3 * GIB);
    await atTheCap(page);
  });

  await test.step('unsubscribe with one click, and undo it', () => stopAndUndo(page));

  await test.step('the closed month is billed, and every line says why', async () => {
    await run('bills', 'run', '--month', monthName(1));
    await readBill(page);
  });
});

function service(page, tariff) {
  return page.locator('article').filter({ has: page.getByRole('heading', { name: tariff.name }) });
}

async function order(page, msisdn) {
  await page.goto('/tariffs');
  await page.locator('input[name=q]').fill(addon.name);
  await page.locator('input[name=q]').press('Enter');
  await page.getByRole('link', { name: addon.name, exact: true }).click();
  await page.locator(`a[href="/me/order/${addon.scheme_id}"]`).first().click();
  const main = page.locator('main');
  for (const element of ['10.00', '512 MB', '没有在网要求', '没有违约金', '只在中国内地使用', '月底生效', addon.scheme_id]) {
    await expect(main).toContainText(element);
  }
  const known = await countSms(page, msisdn);
  await page.locator('form[action="/api/order"] button').click();
  const sms = await nextSms(page, msisdn, known);
  expect(sms.text).toContain(addon.name);
  expect(sms.text).toMatch(/10(\.00)?元/);
  expect(sms.code).toMatch(/^\d{6}$/);
  await expect(main).toContainText(masked(sms));
  await page.locator('form[action="/api/consent_code"] input[name=code]').fill(sms.code);
  await page.locator('form[action="/api/consent_code"] button:not([form])').click();
  return sms;
}

async function ingest(msisdn, bytes) {
  const now = new Date(Date.now() - 1000);
  const file = await ndjson(`usage-${msisdn}-${now.getTime()}.ndjson`, [usage(msisdn, 'data', bytes, now)]);
  accepted(await run('usage', 'ingest', file), 1);
}

async function atTheCap(page) {
  for (const path of ['/me', '/me/usage', '/me/cap']) {
    await page.goto(path);
    const main = page.locator('main');
    await expect(main).toContainText(capAllows);
    await expect(main).toContainText(cap);
  }
  await page.goto(`/me/bills/${monthName()}`);
  const line = page.locator('.lines tbody tr').filter({ hasText: '套餐外流量' });
  await expect(line.locator('.num')).toContainText(capAllows);
}

async function stopAndUndo(page) {
  await page.goto('/me/addons');
  await service(page, addon).locator('form[action="/api/unsubscribe"] button').click();
  await expect(page).toHaveURL(/ok=stopped/);
  const undo = service(page, addon).locator('form[action="/api/undo_unsubscribe"] button');
  await expect(undo).toBeVisible();
  await undo.click();
  await expect(page).toHaveURL(/ok=undone/);
  await expect(service(page, addon).locator('form[action="/api/unsubscribe"]')).toBeVisible();
  await expect(service(page, addon).locator('form[action="/api/undo_unsubscribe"]')).toHaveCount(0);
}

async function readBill(page) {
  await page.goto('/me/bills');
  await page.locator(`a[href="/me/bills/${monthName(1)}"]`).first().click();
  const lines = page.locator('.lines tbody tr');
  const amounts = await lines.locator('.num .yuan').allInnerTexts();
  expect(amounts.map(fen)).toEqual(lastBill.lines.map((line) => fen(line.amount)));
  const total = fen(await page.locator('.lines tfoot .num').innerText());
  expect(amounts.map(fen).reduce((sum, amount) => sum + amount)).toBe(total);
  expect(total).toBe(fen(lastBill.total));
  const whys = await lines.locator('a.why:not([href*="#"])').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  expect(whys).toHaveLength(lastBill.lines.length);
  for (const [i, why] of whys.entries()) {
    await page.goto(why);
    await explains(page, lastBill.lines[i]);
  }
}

async function explains(page, line) {
  await expect(page.locator('h1')).toContainText(line.amount);
  await expect(page.locator('.steps')).toContainText(line.arithmetic);
  await expect(page.locator('.steps li').last()).toContainText(line.amount);
  await expect(page.locator('main')).toContainText(plan.scheme_id);
  await expect(page.locator(`a[href="/tariffs/${plan.scheme_id}/versions/1"]`)).toBeVisible();
  await expect(page.locator('a[href^="/me/agreements/"]').first()).toBeVisible();
  await expect(page.locator('blockquote')).not.toBeEmpty();
  await expect(page.locator('.usage-rows tbody tr')).toHaveCount(line.records);
}
