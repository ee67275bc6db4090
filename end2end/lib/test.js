// The test of Playwright, with the address of our server, and an eye on the console.
import { test as base, expect } from '@playwright/test';

export { expect };

export const test = base.extend({
  baseURL: async ({}, use) => use(process.env.END2END_URL),

  /** Set by a test that looks at an address where nothing is. */
  expectsMissing: [false, { option: true }],

  /** Nothing may go wrong in the browser: scripts, the content security policy, files that are missing. */
  quiet: [
    async ({ context, expectsMissing }, use) => {
      const complaints = [];
      const watch = (page) => {
        page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error}`));
        page.on('console', (message) => {
          const missing = expectsMissing && /status of 404/.test(message.text());
          if (message.type() === 'error' && !missing) complaints.push(`${page.url()}: ${message.text()}`);
        });
      };
      context.pages().forEach(watch);
      context.on('page', watch);
      await use();
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});
