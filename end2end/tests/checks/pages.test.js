import AxeBuilder from '@axe-core/playwright';
import { deskPages, ownPages, publicPages, screens, themes } from '../../lib/pages.js';
import { added } from '../../lib/staff.js';
import { expect, test } from '../../lib/test.js';

test.use({ expectsMissing: true });
test.setTimeout(240_000);

/** Accessibility on every screen and in both themes, and no scroll bar below, in both languages. */
async function check(page, paths) {
  for (const path of paths) {
    await page.goto(path);
    for (const { name, width, height } of screens) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of themes) {
        await page.emulateMedia({ colorScheme });
        const found = await new AxeBuilder({ page }).analyze();
        const violations = found.violations.map(({ id, nodes }) => ({ id, at: nodes.map((node) => node.html) }));
        expect.soft(violations, `${path}, ${name}, ${colorScheme}`).toEqual([]);
      }
      await fits(page, `${path}, ${name}`);
    }
  }
}

async function fits(page, what) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect.soft(beyond, `${what} is wider than the screen`).toBeLessThanOrEqual(0);
}

test('public pages are accessible and fit', async ({ page }) => {
  await check(page, publicPages);
});

test.describe('signed in', () => {
  test.use({ storageState: async ({}, use) => use(process.env.END2END_SIGNED_IN) });

  test('own pages are accessible and fit', async ({ page }) => {
    await check(page, await ownPages(page));
  });

  test('every page fits a phone in English too', async ({ page, context }) => {
    const paths = [...publicPages, ...(await ownPages(page))];
    await context.addCookies([{ name: 'lang', value: 'en', url: process.env.END2END_URL }]);
    await page.setViewportSize(screens[0]);
    for (const path of paths) {
      await page.goto(path);
      await expect(page.locator('html')).toHaveAttribute('lang', 'en');
      await fits(page, `${path} in English`);
    }
  });
});

test.describe('at the desk', () => {
  test.use({ storageState: async ({}, use) => use(process.env.END2END_STAFF) });

  test('pages of the desk are accessible and fit, in both languages', async ({ page, context }) => {
    const paths = deskPages(await added('looked.at', 'agent'));
    await check(page, paths);
    await context.addCookies([{ name: 'lang', value: 'en', url: process.env.END2END_URL }]);
    await page.setViewportSize(screens[0]);
    for (const path of paths) {
      await page.goto(path);
      await fits(page, `${path} in English`);
    }
  });
});
