import { expect, test } from '../../lib/test.js';

/** A plan of the demo that has two versions. */
const PLAN = '/tariffs/24MB900005';

test('every version of a tariff stays public, with what changed from one to the next', async ({ page }) => {
  await page.goto(PLAN);
  await expect(page.locator('.versions > li')).toHaveCount(2);
  const old = page.locator('.versions a[href$="/versions/1"]');
  await old.click();
  await expect(page).toHaveURL(`${PLAN}/versions/1`);
  await expect(page.locator('.banner.warn')).toContainText('仍在使用的用户按此版本收费');
  await expect(page.locator('a[href^="/me/order/"]')).toHaveCount(0);
  await page.locator('.versions a[href*="/difference?"]').click();
  await expect(page).toHaveURL(/\/difference\?from=1&to=2$/);
  await expect(page.locator('.difference dt').first()).toBeVisible();
  await expect(page.locator('.difference del').first()).toBeVisible();
  await expect(page.locator('.difference ins').first()).toBeVisible();
  await page.locator('a[href="/tariffs/24MB900005"]').last().click();
  await expect(page.locator('a.primary[href="/me/order/24MB900005"]')).toBeVisible();
});

test('a plan shows what a typical month costs, with the plans beside it', async ({ page }) => {
  await page.goto(PLAN);
  const months = page.locator('.typical-month');
  await expect(months).toHaveCount(3);
  await expect(months.first().locator('tbody tr')).not.toHaveCount(1);
  await expect(months.first().locator('tr.own .yuan')).toContainText(/\d+\.\d\d/);
});

test('what changed is a page and two feeds', async ({ page, request }) => {
  await page.goto('/tariffs');
  await page.locator('a[href="/tariffs/changes"]').first().click();
  await expect(page.locator('.changes > li').first()).toBeVisible();
  await page.locator('select[name=operator]').selectOption('mingbai');
  await page.locator('form[action="/tariffs/changes"] button').click();
  await expect(page).toHaveURL(/operator=mingbai/);
  await expect(page.locator('.changes a', { hasText: '畅享 59' }).first()).toBeVisible();
  for (const [path, type] of [
    ['/tariffs/changes.atom', 'application/atom+xml'],
    ['/tariffs/changes.json', 'application/feed+json'],
  ]) {
    const feed = await request.get(path);
    expect(feed.status()).toBe(200);
    expect(feed.headers()['content-type']).toContain(type);
    const again = await request.get(path, { headers: { 'If-None-Match': feed.headers().etag } });
    expect(again.status()).toBe(304);
  }
  // A browser, too, finds no fault with the XML.
  const faults = await page.evaluate(async () => {
    const text = await (await fetch('/tariffs/changes.atom')).text();
    return new DOMParser().parseFromString(text, 'application/xml').querySelectorAll('parsererror').length;
  });
  expect(faults).toBe(0);
});
