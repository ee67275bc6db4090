import { defineConfig } from '@playwright/test';
import { chromium, launchArguments } from './lib/browser.js';

const browser = { launchOptions: { executablePath: chromium(), args: launchArguments }, locale: 'zh-CN' };
const phone = { viewport: { width: 390, height: 844 } };
const desktop = { viewport: { width: 1280, height: 900 } };

/** What is tried with scripts and again without. */
const stories = /stories\/.*\.test\.js/;

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  globalSetup: './lib/setup.js',
  reporter: [['list']],
  timeout: 60_000,
  expect: { timeout: 10_000 },
  workers: 2,
  fullyParallel: false,
  use: { ...browser, trace: 'retain-on-failure' },
  projects: [
    { name: 'scripts on', testMatch: stories, use: { ...phone, javaScriptEnabled: true } },
    { name: 'scripts off', testMatch: stories, use: { ...phone, javaScriptEnabled: false } },
    { name: 'checks', testMatch: /checks\/.*\.test\.js/, use: desktop },
  ],
});
