// `npm run screenshots`: every page as people see it, for people to look at.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { askedPage, deskPages, ownPages, publicPages, screens, themes } from '../lib/pages.js';
import { added } from '../lib/staff.js';
import { test } from '../lib/test.js';

const folder = fileURLToPath(new URL('../screenshots', import.meta.url));

test.use({ expectsMissing: true, storageState: async ({}, use) => use(process.env.END2END_SIGNED_IN) });

for (const language of ['zh-CN', 'en']) {
  for (const { name, width, height } of screens) {
    test(`${language} ${name}`, async ({ browser, baseURL, page }) => {
      await mkdir(folder, { recursive: true });
      const paths = [...publicPages, ...(await ownPages(page)), await askedPage(page)];
      const stranger = await browser.newPage({ baseURL, storageState: undefined });
      for (const who of [page, stranger]) {
        await who.context().addCookies([{ name: 'lang', value: language, url: baseURL }]);
        await who.setViewportSize({ width, height });
      }
      for (const address of paths) {
        // The sign-in page sends whoever is signed in on to their own.
        const who = address.startsWith('/login') ? stranger : page;
        await who.goto(address);
        for (const colorScheme of themes) {
          await who.emulateMedia({ colorScheme });
          const file = `${decodeURI(address).replace(/[^\p{L}\p{N}]+/gu, '_') || 'home'}-${language}-${colorScheme}-${width}.png`;
          await who.screenshot({ path: path.join(folder, file), fullPage: true });
        }
      }
      await stranger.close();
    });
  }
}

test.describe('the desk', () => {
  test.use({ storageState: async ({}, use) => use(process.env.END2END_STAFF) });
  for (const language of ['zh-CN', 'en']) {
    for (const { name, width, height } of screens) {
      test(`${language} ${name}`, async ({ baseURL, page }) => {
        await mkdir(folder, { recursive: true });
        await page.context().addCookies([{ name: 'lang', value: language, url: baseURL }]);
        await page.setViewportSize({ width, height });
        const link = await added(`shot.${language.toLowerCase()}.${name}`, 'agent');
        for (const address of deskPages(link)) {
          await page.goto(address);
          const of = address === link ? 'staff_enrol' : address.replace(/[^a-z0-9]+/g, '_');
          for (const colorScheme of themes) {
            await page.emulateMedia({ colorScheme });
            const file = `${of}-${language}-${colorScheme}-${width}.png`;
            await page.screenshot({ path: path.join(folder, file), fullPage: true });
          }
        }
      });
    }
  }
});
