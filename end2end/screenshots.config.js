import { defineConfig } from '@playwright/test';
import tests from './playwright.config.js';

export default defineConfig({
  ...tests,
  timeout: 300_000,
  projects: [{ name: 'screenshots', testMatch: /screenshots\.js/ }],
});
