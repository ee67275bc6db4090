// An agent's channel: let in by two people, sells by asking, is checked by anybody, and is stopped by one.
import { createHmac, randomUUID } from 'node:crypto';
import { addon, numberOf, plan } from '../../lib/fixture.js';
import { countSms, nextSms, signInByCode } from '../../lib/portal.js';
import { added, setUp } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

const text = `${addon.name}：每月 10 元，含 512MB 国内流量。\n随时可退，月底生效。`;

/** Another browser of the same kind. */
async function another(browser, baseURL, info) {
  const { javaScriptEnabled, viewport, locale } = info.project.use;
  return (await browser.newContext({ baseURL, javaScriptEnabled, viewport, locale })).newPage();
}

/** An order as a channel sends it, signed as Standard Webhooks. */
async function send(request, channel, secret, order) {
  const [id, seconds, body] = [randomUUID(), String(Math.floor(Date.now() / 1000)), JSON.stringify(order)];
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const tag = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  const headers = { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${tag}` };
  return request.post(`/channels/${channel}/orders`, { data: body, headers: { ...headers, 'content-type': 'application/json' } });
}

async function register(page, name) {
  const form = page.locator('form[action="/staff/api/register_channel"]');
  const fields = {
    name,
    operator_name: '福州示例网络科技有限公司',
    credit_code: '91350100M000100Y44',
    contact_name: '吴桐',
    contact_phone: '0591-88880000',
    addresses: 'https://shop.example/',
    scheme_ids: addon.scheme_id,
    valid_from: '2020-01-01',
    valid_until: '2020-12-31',
  };
  for (const [field, value] of Object.entries(fields)) await form.locator(`[name="form[${field}]"]`).fill(value);
  await form.locator('input[value=全国]').check();
  await form.locator('button').click();
  await expect(page.locator('.banner.bad')).toContainText('统一社会信用代码不对');
  await expect(form.locator('[name="form[addresses]"]')).toHaveValue('https://shop.example/');
  const year = new Date().getUTCFullYear();
  await form.locator('[name="form[credit_code]"]').fill('91350100M000100Y43');
  await form.locator('[name="form[valid_from]"]').fill(`${year - 1}-01-01`);
  await form.locator('[name="form[valid_until]"]').fill(`${year + 1}-12-31`);
  await form.locator('button').click();
  await expect(page.locator('.banner')).toContainText('登记好了');
  return new URL(page.url()).pathname.split('/').pop();
}

test('a channel is let in by two, asks and never orders, and is stopped by one', async ({ page, browser, baseURL }, info) => {
  const kind = info.project.name.replace(' ', '-');
  const msisdn = numberOf('channel', info.project.name);
  await setUp(page, await added(`channel.manager.${kind}`, 'tariff_manager'));
  await page.locator('.top-nav a[href="/staff/channels"]').click();
  const id = await register(page, `示例店 ${kind}`);
  const desk = `/staff/channels/${id}`;

  const visitor = await another(browser, baseURL, info);
  await visitor.goto('/channels');
  await expect(visitor.locator(`a[href="/channels/${id}"]`)).toHaveCount(0);

  const approver = await another(browser, baseURL, info);
  await setUp(approver, await added(`channel.approver.${kind}`, 'tariff_approver'));
  await approver.goto(desk);
  await expect(approver.locator('section[data-waiting]')).toContainText('91350100M000100Y43');
  await approver.locator('form[action="/staff/api/decide_channel"] button[value=approve]').click();
  await expect(approver.locator('.banner')).toContainText('已批准');

  await visitor.goto(`/channels/${id}`);
  await expect(visitor.locator('.banner')).toContainText('这是我们的正规渠道');
  await expect(visitor.locator('main')).toContainText(addon.name);
  await expect(visitor.locator('img.badge')).toBeVisible();

  const secret = await test.step('it gets a secret, and a text that is clear', async () => {
    await page.goto(desk);
    await page.locator('form[action="/staff/api/channel_secret"] button').click();
    const shown = await page.locator('code.secret').innerText();
    const form = page.locator('form[action="/staff/api/submit_content"]');
    await form.locator('[name=title]').fill('全网最低价');
    await form.locator('[name=body]').fill(text);
    await form.locator('button').click();
    await expect(form.locator('[data-faults]')).toContainText('最');
    await form.locator('[name=title]').fill(addon.name);
    await form.locator('button').click();
    await expect(page.locator('.banner')).toContainText('已送审');
    await approver.goto(desk);
    await approver.locator('form[action="/staff/api/decide_content"] button[value=approve]').click();
    await expect(approver.locator('.banner')).toContainText('已批准');
    return shown;
  });

  await test.step('anybody sees whether a copy is true', async () => {
    await visitor.goto(`/channels/${id}/check`);
    for (const [copy, said] of [[text, '没有改动'], [text.replace('10 元', '1 元'), '被改动过']]) {
      await visitor.locator('textarea[name=copy]').fill(copy);
      await visitor.locator('main form button').click();
      await expect(visitor.locator('.banner')).toContainText(said);
    }
    await expect(visitor.locator('.compared del')).toHaveText('1');
    await expect(visitor.locator('.compared ins')).toHaveText('10');
  });

  const own = await another(browser, baseURL, info);
  await test.step('it asks, and the subscriber answers us', async () => {
    const known = await countSms(visitor, msisdn);
    expect((await send(visitor.request, id, secret, { msisdn, scheme_id: plan.scheme_id })).status()).toBe(422);
    expect((await send(visitor.request, id, secret, { msisdn, scheme_id: addon.scheme_id })).status()).toBe(202);
    const sms = await nextSms(visitor, msisdn, known);
    expect(sms.text).toContain(id);
    await signInByCode(own, msisdn, '/me');
    await own.goto('/me/addons');
    await expect(own.locator('article').filter({ hasText: addon.name })).toHaveCount(0);
    const phone = await another(browser, baseURL, info);
    await phone.goto(`/demo/handset/${msisdn}`);
    await phone.locator('form[action="/api/demo_reply"] [name=text]').fill('Y');
    await phone.locator('form[action="/api/demo_reply"] button[type=submit], form[action="/api/demo_reply"] button').first().click();
    await expect
      .poll(async () => {
        await own.goto('/me/agreements');
        return own.locator('.entries > li').filter({ hasText: addon.name }).count();
      })
      .toBeGreaterThan(0);
    await own.locator('.entries > li').filter({ hasText: addon.name }).getByRole('link', { name: '看凭证' }).click();
    await expect(own.locator('main')).toContainText(`示例店 ${kind}”（${id}）`);
  });

  await test.step('one person stops it, for everybody to see', async () => {
    await approver.goto(desk);
    const form = approver.locator('form[action="/staff/api/stop_channel"]');
    await form.locator('[name=reason]').fill('冒充客服');
    await form.locator('button[value=suspended]').click();
    await expect(approver.locator('.banner')).toContainText('已经停了');
    expect((await send(visitor.request, id, secret, { msisdn, scheme_id: addon.scheme_id })).status()).toBe(422);
    await visitor.goto(`/channels/${id}`);
    await expect(visitor.locator('.banner')).toContainText('这个渠道已被暂停');
    await expect(visitor.locator('[data-count=beyond] dd')).toHaveText('2');
  });
});

test.describe('a number that we did not give', () => {
  test.use({ expectsMissing: true });

  test('is plainly none of ours, and can be reported', async ({ page }) => {
    await page.goto('/channels/QD999999');
    await expect(page.locator('h1')).toHaveText('这不是我们的渠道');
    const form = page.locator('form[action="/api/report_channel"]');
    await expect(form.locator('[name=about]')).toHaveValue('QD999999');
    await form.locator('[name=what]').fill('卖的套餐查不到');
    await form.locator('button').click();
    await expect(page.locator('.banner')).toContainText('收到了');
  });
});
