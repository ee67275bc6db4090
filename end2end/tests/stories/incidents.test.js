import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../lib/server.js';
import { added, setUp } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

/** Another browser of the same kind. */
async function another(browser, baseURL, info) {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  return browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
}

/** Brings twelve charges of another system that nobody agreed to, paid in two ways. */
async function wrongCharges(scheme) {
  const at = new Date(Date.now() - 86_400_000).toISOString();
  const lines = Array.from({ length: 12 }, (_, n) =>
    JSON.stringify({
      msisdn: String(13_800_000_021 + n),
      scheme_id: scheme,
      amount: '95.00',
      charged_at: at,
      route: n < 8 ? 'bill' : 'balance',
      source: '升级',
    }),
  );
  const file = join(await mkdtemp(join(tmpdir(), 'charges-')), 'night.ndjson');
  await writeFile(file, lines.join('\n'));
  expect(await run('charges', 'import', file)).toContain('read 12, accepted 12, unchanged 0, rejected 0');
  expect(await run('charges', 'import', file)).toContain('read 12, accepted 0, unchanged 12, rejected 0');
}

const press = (page, action) => page.locator(`form[action="/staff/api/${action}"] button`).click();

test('wrong charges are found, listed, worked out by one of the staff and approved by another', async ({
  page,
  browser,
  baseURL,
}, info) => {
  test.setTimeout(180_000);
  const kind = info.project.name.replace(' ', '-');
  const scheme = `95元权益包 ${kind}`;
  await wrongCharges(scheme);
  await setUp(page, await added(`lead.${kind}`, 'agent_lead'));

  const finding = page.locator('tr').filter({ hasText: scheme }).filter({ hasText: '未经同意' });
  await expect(async () => {
    await page.goto('/staff');
    await expect(page.locator('.banner.warn')).toContainText('异常扣费等待处理', { timeout: 1_000 });
    await page.goto('/staff/incidents');
    await expect(finding).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 120_000 });
  await expect(finding).toContainText('1140.00');
  await finding.locator('a').click();
  await expect(page.locator('h1')).toHaveText('未经同意');
  await expect(page.locator('main')).toContainText('看 12 笔（共 12 笔）');
  await page.locator('form[action="/staff/api/open_incident_from_finding"] input[name=title]').fill(`夜里多扣 ${kind}`);
  await press(page, 'open_incident_from_finding');
  await expect(page.locator('.banner')).toContainText('事件已立案');
  const incident = new URL(page.url()).pathname;

  await press(page, 'list_affected');
  await expect(page.locator('main')).toContainText('12 位用户，12 笔，共 ¥1140.00');
  await press(page, 'propose_incident');
  await expect(page.locator('main')).toContainText('等待另一位同事复核');
  await expect(page.locator('form[action="/staff/api/approve_incident"]')).toHaveCount(0);

  const office = await another(browser, baseURL, info);
  const desk = await office.newPage();
  await setUp(desk, await added(`second.${kind}`, 'agent_lead'));
  await desk.goto(incident);
  await expect(desk.locator('form[action="/staff/api/approve_incident"]')).toBeVisible();

  // One of them had his money back at the shop: what was worked out counts no more.
  await page.goto(`${incident}/charges`);
  const exclude = page.locator('form[action="/staff/api/exclude_affected"]').filter({ has: page.locator('#excluded') });
  await exclude.locator('input[name=number]').fill('13800000021');
  await exclude.locator('input[name=reason]').fill('已在营业厅退还');
  await exclude.locator('button').click();
  await expect(page.locator('.banner')).toContainText('已剔除');
  await press(desk, 'approve_incident');
  await expect(desk.locator('.banner.bad')).toContainText('请重新试算');

  await page.goto(incident);
  await press(page, 'propose_incident');
  await expect(page.locator('tfoot')).toContainText('1045.00');
  await desk.goto(incident);
  await press(desk, 'approve_incident');
  await expect(desk.locator('.banner')).toContainText('已复核通过');
  await office.close();

  await page.goto(incident);
  await press(page, 'execute_incident');
  await expect(async () => {
    await page.goto(incident);
    await expect(page.locator('main')).toContainText('11 笔中已办 11 笔', { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  await expect(page.locator('main')).toContainText('已到账');
  const report = await page.request.get(`${incident}/report.csv`);
  expect(report.status()).toBe(200);
  const rows = (await report.text()).trim().split('\r\n');
  expect(rows).toHaveLength(13);
  expect(rows.filter((row) => row.includes('balance confirmed 95.00'))).toHaveLength(11);
  expect(rows.filter((row) => row.includes('已在营业厅退还'))).toHaveLength(1);
});

test('an auditor reads what was found, and changes nothing', async ({ page }, info) => {
  const kind = info.project.name.replace(' ', '-');
  await setUp(page, await added(`reader.${kind}`, 'auditor'));
  await page.locator('.top-nav a[href="/staff/incidents"]').click();
  await expect(page.locator('h1')).toHaveText('异常扣费');
  await expect(page.locator('main form[method=post]')).toHaveCount(0);
  await page.locator('a[href="/staff/incidents/detectors"]').click();
  await expect(page.locator('main form')).toHaveCount(0);
  await expect(page.locator('main')).toContainText('至少多少单');
});
