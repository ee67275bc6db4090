import { request } from '@playwright/test';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepare } from './fixture.js';
import { serve } from './server.js';

/** One demo server for the whole run, with our own tariffs and subscribers beside those of the demo. */
export default async function setup() {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'mingbai-end2end-'));
  // PostgreSQL works as another user where we are root.
  await chmod(dataDir, 0o755);
  process.env.END2END_DATA_DIR = dataDir;
  const server = await serve(dataDir, '--demo').catch(async (error) => {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  });
  process.env.END2END_URL = server.url;
  const clear = async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  };
  try {
    await prepare(dataDir);
    process.env.END2END_SIGNED_IN = await signIn(dataDir, server.url);
    process.env.END2END_STAFF = await signInAtDesk(dataDir, server.url);
  } catch (error) {
    await clear();
    throw error;
  }
  return clear;
}

/** Signs a subscriber of the demo in, for the checks that only look at pages; returns the file of the cookies. */
async function signIn(dataDir, baseURL) {
  const file = path.join(dataDir, 'signed-in.json');
  const portal = await request.newContext({ baseURL, extraHTTPHeaders: { origin: baseURL, accept: 'text/html' } });
  const page = await (await portal.get('/login')).text();
  const [msisdn] = /1[3-9]\d{9}/.exec(page.slice(page.indexOf('/demo/handset/')));
  const [, password] = /<p>[^<]*?(\d{6})/.exec(page);
  const answer = await portal.post('/api/sign_in_with_password', { form: { msisdn, password, next: '/me' } });
  if (!answer.url().endsWith('/me')) throw new Error(`signing in as ${msisdn} led to ${answer.url()}`);
  await portal.storageState({ path: file });
  await portal.dispose();
  return file;
}

/** The same for the administrator of the demo's staff. */
async function signInAtDesk(dataDir, baseURL) {
  const file = path.join(dataDir, 'staff.json');
  const desk = await request.newContext({ baseURL, extraHTTPHeaders: { origin: baseURL, accept: 'text/html' } });
  const login = 'demo.admin';
  const page = await (await desk.get('/staff/login')).text();
  const [, password] = /<p>[^<]*?([a-z-]+-\d{4})/.exec(page);
  const [, code] = new RegExp(`data-login="${login}"[^]*?<code>(\\d{6})`).exec(page);
  await desk.post('/staff/api/sign_in', { form: { login, password, next: '/staff' } });
  const answer = await desk.post('/staff/api/second_factor', { form: { code, next: '/staff' } });
  if (!answer.url().endsWith('/staff')) throw new Error(`signing in as ${login} led to ${answer.url()}`);
  await desk.storageState({ path: file });
  await desk.dispose();
  return file;
}
