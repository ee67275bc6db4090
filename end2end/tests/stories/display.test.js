import { expect, test } from '../../lib/test.js';

test('the language is switched on the spot and remembered', async ({ page }) => {
  await page.goto('/tariffs');
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
  await page.locator('form[action="/api/language"] button').click();
  await expect(page).toHaveURL('/tariffs');
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await page.goto('/login');
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await page.locator('form[action="/api/language"] button').click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
});

test('large print enlarges every text, without a scroll bar below', async ({ page }) => {
  const size = () => page.locator('h1').evaluate((heading) => parseFloat(getComputedStyle(heading).fontSize));
  await page.goto('/');
  const usual = await size();
  await page.locator('form[action="/api/display"] button').click();
  await expect(page.locator('html')).toHaveAttribute('data-print', 'large');
  expect(await size()).toBeGreaterThan(usual * 1.2);
  for (const path of ['/', '/tariffs', '/login']) {
    await page.goto(path);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  }
});

test.describe('where nothing is', () => {
  test.use({ expectsMissing: true });

  test('an unknown address is told in plain words, with ways on', async ({ page }) => {
    const answer = await page.goto('/nothing/here');
    expect(answer.status()).toBe(404);
    await expect(page.locator('h1')).toHaveText('没有这个页面');
    await expect(page.locator('main a')).not.toHaveCount(0);
  });
});
