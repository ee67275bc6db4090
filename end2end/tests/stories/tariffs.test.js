// A tariff from the form to a bill's owner: faults, mending, somebody else's yes, its time, an order, and the next version.
import { numberOf } from '../../lib/fixture.js';
import { countSms, nextSms, signInByCode } from '../../lib/portal.js';
import { added, setUp } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

/** Another browser of the same kind. */
async function another(browser, baseURL, info) {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  const context = await browser.newContext({ baseURL, javaScriptEnabled, viewport, locale });
  return context.newPage();
}

const field = (page, name) => page.locator(`[name="form[${name}]"]`);
const save = (page) => page.locator('.draft-form .actions button.primary').click();

/** Begins at the form, with three faults: a price that is none, a vague term, and no word on how long it is valid. */
async function draft(page, scheme, name) {
  await page.goto('/staff/tariffs/new');
  await page.locator('form:has(input[value=blank]) button').click();
  await expect(page).toHaveURL(/\/staff\/tariffs\/drafts\/\d+$/);
  await page.locator('button[value="remove_overage:0"]').click();
  await expect(page.locator('button[value="remove_overage:0"]')).toHaveCount(0);
  await field(page, 'scheme_id').fill(scheme);
  await field(page, 'name').fill(name);
  await field(page, 'kind').selectOption('addon');
  await field(page, 'audience').fill('所有用户');
  await field(page, 'channels').fill('网上营业厅\n营业厅');
  await field(page, 'on_sale_from').fill('2020-01-01');
  await field(page, 'on_sale_until').fill('2199-12-31');
  await field(page, 'commitment').fill('无');
  await field(page, 'cancel').fill('网上营业厅、营业厅、短信 10086，月底停');
  await field(page, 'penalty').fill('无');
  await field(page, 'restrictions').fill('只在中国内地使用');
  await field(page, 'allowances][0][quantity').fill('1GB');
  await field(page, 'monthly').fill('5.001');
  await field(page, 'notes').fill('具体以当地营业厅为准');
  await save(page);
}

/** Submits what is saved, to go live as soon as somebody else says yes; where it is decided about. */
async function submit(page) {
  await page.locator('form[action="/staff/api/submit_draft"] button').click();
  await expect(page).toHaveURL(/\/staff\/tariffs\/submissions\/\d+\?ok=submitted$/);
  return new URL(page.url()).pathname;
}

async function approve(page, submission) {
  await page.goto(submission);
  await page.locator('button[value=approved]').click();
  await expect(page.locator('.banner').first()).toContainText('已批准');
}

/** Loads a page again until it says something. */
async function until(page, address, locator, there = true) {
  await expect(async () => {
    await page.goto(address);
    await expect(locator(page)).toHaveCount(there ? 1 : 0, { timeout: 500 });
  }).toPass({ timeout: 30_000 });
}

test('a draft with three faults is mended, approved by another, sold, and followed by a version 2', async ({
  page,
  browser,
  baseURL,
}, info) => {
  test.slow();
  const kind = info.project.name.replace(' ', '-');
  const scheme = info.project.name === 'scripts on' ? '26MB990101' : '26MB990102';
  const name = `明白加油包 ${kind}`;
  await setUp(page, await added(`drafter.${kind}`, 'tariff_manager'));
  const desk = await another(browser, baseURL, info);
  await setUp(desk, await added(`publisher.${kind}`, 'tariff_approver'));

  await test.step('three faults block it, each with its reason beside its field', async () => {
    await draft(page, scheme, name);
    await expect(page.locator('[data-findings=summary] .banner.bad')).toContainText('有 3 处必须改');
    await expect(page.locator('[data-findings=monthly]')).toContainText('请写金额');
    await expect(page.locator('[data-findings=notes]')).toContainText('这个说法没有说定');
    await expect(page.locator('[data-findings=validity]')).toContainText('公示要素不全');
    await expect(page.locator('form[action="/staff/api/submit_draft"]')).toHaveCount(0);
  });

  const submission = await test.step('mended, it is submitted, and its author cannot approve it', async () => {
    await field(page, 'monthly').fill('5');
    await field(page, 'notes').fill('');
    await field(page, 'validity').fill('订购后一直有效，每月自动续，到退订为止。');
    if (info.project.name === 'scripts on') {
      await expect(page.locator('[data-findings=summary]')).toContainText('没有发现问题');
    }
    await save(page);
    await expect(page.locator('[data-findings=summary]')).toContainText('没有发现问题');
    const submission = await submit(page);
    await expect(page.locator('button[value=approved]')).toHaveCount(0);
    expect((await page.request.get(`/tariffs/${scheme}`)).status()).toBe(404);
    return submission;
  });

  await test.step('approved by another it is public, and sold a moment later', async () => {
    await approve(desk, submission);
    await until(desk, `/tariffs/${scheme}`, (page) => page.locator('h1', { hasText: name }));
    await until(desk, `/tariffs/${scheme}`, (page) => page.locator(`a[href="/me/order/${scheme}"]`));
    await desk.goto(`/tariffs?q=${encodeURIComponent(name)}`);
    await expect(desk.getByRole('link', { name, exact: true })).toBeVisible();
  });

  const phone = await another(browser, baseURL, info);
  await test.step('somebody orders it', async () => {
    const msisdn = numberOf('tariffDraft', info.project.name);
    await signInByCode(phone, msisdn);
    await phone.goto(`/me/order/${scheme}`);
    const known = await countSms(phone, msisdn);
    await phone.locator('form[action="/api/order"] button').click();
    const sms = await nextSms(phone, msisdn, known);
    await phone.locator('form[action="/api/consent_code"] input[name=code]').fill(sms.code);
    await phone.locator('form[action="/api/consent_code"] button:not([form])').click();
    await expect(phone).toHaveURL(/\/me\/addons\?/);
  });

  await test.step('version 2 is dearer', async () => {
    await page.goto('/staff/tariffs/new');
    const next = page.locator('form:has(input[value=next])');
    await next.locator('input[name=scheme_id]').fill(scheme);
    await next.locator('button').click();
    await field(page, 'monthly').fill('9');
    await save(page);
    const second = await submit(page);
    await desk.goto(second);
    await expect(desk.locator('#difference')).toContainText('5.00');
    await expect(desk.locator('#difference')).toContainText('9.00');
    await approve(desk, second);
    await until(desk, `/tariffs/${scheme}/versions/1`, (page) => page.locator('#versions li').nth(1));
    await until(desk, `/tariffs/${scheme}`, (page) => page.locator(`a[href="/me/order/${scheme}"]`));
  });

  await test.step('who has version 1 pays version 1, and everybody can read both and what differs', async () => {
    await phone.goto('/me/addons');
    const service = phone.locator('article').filter({ has: phone.getByRole('heading', { name }) });
    await expect(service).toContainText('5.00');
    await expect(service).not.toContainText('9.00');
    await desk.goto(`/tariffs/${scheme}/versions/1`);
    await expect(desk.locator('main')).toContainText('5.00');
    await desk.goto(`/tariffs/${scheme}/difference?from=1&to=2`);
    await expect(desk.locator('main')).toContainText('5.00');
    await expect(desk.locator('main')).toContainText('9.00');
  });
  await desk.context().close();
  await phone.context().close();
});
