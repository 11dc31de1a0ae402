// With `--auth required`: who is asked, what a session may, how it ends.
// Arguments: the server, whether there are users (`no-users`), or a user, a password and a role.
import { browse, holds, main, same } from './browser.mjs'

async function nobody(server) {
  await browse(server, async ({ page }) => {
    await page.goto(`${server}/console/metrics`)
    await page.getByRole('heading', { name: 'Sign in to Sightline' }).waitFor()
    holds((await page.locator('body').innerText()).includes('sightline users create'), 'it says how to make a user')
  })
}

async function somebody(server, user, password, role) {
  await browse(server, async ({ page, context, origin }) => {
    await page.goto(`${server}/console/metrics?range=3h`)
    await page.getByRole('heading', { name: 'Sign in to Sightline' }).waitFor()
    holds(!(await page.locator('body').innerText()).includes('users create'), 'users are known')
    const signIn = async (name, secret) => {
      await page.getByRole('textbox', { name: 'User' }).fill(name)
      await page.getByLabel('Password').fill(secret)
      await page.getByRole('button', { name: 'Sign in' }).click()
    }
    await signIn(user, 'not the password')
    await page.getByRole('alert').filter({ hasText: 'wrong' }).waitFor()
    same((await context.cookies()).length, 0, 'cookies of nobody')
    await signIn(user, password)
    await page.getByRole('banner').waitFor()
    holds((await page.getByRole('banner').innerText()).includes(user), 'it shows who is signed in')
    holds(page.url().includes('/console/metrics?range=3h'), 'the page that was asked for')
    const [cookie] = await context.cookies()
    same([cookie.httpOnly, cookie.sameSite, cookie.secure, cookie.expires], [true, 'Strict', origin.startsWith('https'), -1], 'the cookie')
    same(await page.evaluate(() => document.cookie), '', 'scripts do not see it')

    // Reading goes by the session; writing by the role.
    const call = (operation, input) =>
      page.evaluate(
        async ([operation, input]) => {
          const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `GraniteServiceVersion20100801.${operation}` }
          const answer = await fetch('/', { method: 'POST', headers, body: JSON.stringify(input) })
          return answer.ok ? 'done' : (await answer.json()).__type.split('#').at(-1)
        },
        [operation, input],
      )
    same(await call('ListMetrics', {}), 'done', 'reading')
    const put = { Namespace: 'Shop', MetricData: [{ MetricName: 'm', Value: 1 }] }
    same(await call('PutMetricData', put), role === 'viewer' ? 'AccessDeniedException' : 'done', `writing as ${role}`)
    same(await page.evaluate(async () => (await fetch('/api/v1/labels')).status), 200, 'Prometheus\' door')

    await page.reload()
    await page.getByRole('banner').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in to Sightline' }).waitFor()
    same((await context.cookies()).length, 0, 'cookies afterwards')
    await context.addCookies([cookie])
    await page.reload()
    await page.getByRole('heading', { name: 'Sign in to Sightline' }).waitFor()

    // A session that ends while the page is open leads back to the sign-in, and on from there.
    await context.clearCookies()
    await signIn(user, password)
    await page.getByRole('banner').waitFor()
    await context.clearCookies()
    // A request of the page itself may find that out first; then the link is gone before it is clicked.
    await page.evaluate(() => document.querySelector('a[href^="/console/?"]')?.click())
    await page.getByRole('heading', { name: 'Sign in to Sightline' }).waitFor()
    await signIn(user, password)
    await page.getByRole('banner').waitFor()
  })
}

main((server, user, password, role) => (user === 'no-users' ? nobody(server) : somebody(server, user, password, role)))
