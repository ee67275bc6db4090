import { addon, plan } from '../../lib/fixture.js';
import { expect, test } from '../../lib/test.js';

async function search(page, words) {
  await page.goto('/tariffs');
  await page.locator('input[name=q]').fill(words);
  await page.locator('input[name=q]').press('Enter');
  await expect(page).toHaveURL(/\?.*q=/);
}

const names = (page) => page.locator('.tariff-card .tariff-name');

test('tariffs are found by Chinese words, and narrowed by filters', async ({ page }) => {
  await search(page, '端到端');
  await expect(names(page)).toHaveCount(2);
  await page.locator('details.filters summary').click();
  await page.locator('select[name=kind]').selectOption('addon');
  // With scripts the choice applies itself, at the earliest while the button is being looked for.
  const apply = page.locator('details.filters button:not([type=button])').last();
  await expect(async () => {
    if (!page.url().includes('kind=addon')) await apply.click({ timeout: 2_000 });
    await expect(page).toHaveURL(/kind=addon/, { timeout: 2_000 });
  }).toPass();
  await expect(names(page)).toHaveText([addon.name]);
  await page.goto('/tariffs?q=没有这样的资费');
  await expect(page.locator('.zone-results .empty')).toBeVisible();
});

test('the list has pages, and the cheapest can come first', async ({ page }) => {
  await page.goto('/tariffs?sort=price_asc');
  const first = await names(page).first().innerText();
  await page.locator('.pager a[rel=next]').click();
  await expect(page).toHaveURL(/page=2/);
  await expect(names(page).first()).not.toHaveText(first);
  await page.locator('.pager a[rel=prev]').click();
  await expect(names(page).first()).toHaveText(first);
});

test('two tariffs are compared side by side', async ({ page }) => {
  await search(page, '端到端');
  for (const { scheme_id } of [plan, addon]) await page.locator(`input[name=id][value="${scheme_id}"]`).check();
  await page.locator('.compare-bar button').click();
  await expect(page).toHaveURL(/\/tariffs\/compare\?/);
  for (const { name } of [plan, addon]) await expect(page.locator('main')).toContainText(name);
});

test('a tariff shows every element, with its restrictions beside its price', async ({ page }) => {
  await page.goto(`/tariffs/${plan.scheme_id}`);
  const main = page.locator('main');
  for (const element of ['59.00', '1 GB', '100 分钟', '没有在网要求', '没有违约金', '只在中国内地使用', '网上营业厅']) {
    await expect(main).toContainText(element);
  }
});

test('the list can be taken away as JSON and CSV', async ({ request }) => {
  const json = await request.get('/tariffs.json?q=端到端');
  expect(json.headers()['content-type']).toContain('application/json');
  expect(JSON.stringify(await json.json())).toContain(plan.scheme_id);
  const csv = await request.get('/tariffs.csv?q=端到端');
  expect(csv.headers()['content-type']).toContain('text/csv');
  expect(await csv.text()).toContain(addon.name);
});
