// Without a mouse, and for those who listen: names, landmarks, focus.
import { browse, eventually, holds, main, open, same } from './browser.mjs'

const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') || document.activeElement?.textContent?.trim() || '')

/** Everything that can be used has a name. */
async function named(page, where) {
  const tree = await page.locator('body').ariaSnapshot()
  const nameless = tree.split('\n').filter((line) => /^\s*- (button|link|textbox|searchbox|combobox|checkbox|tab|listbox|table|article|region|dialog)( \[[^\]]*\])*:?$/.test(line))
  same(nameless.filter((line) => !/- table/.test(line)), [], `without a name on ${where}`)
}

main((server) =>
  browse(server, async ({ page }) => {
    await open(page, `${server}/console/`)
    for (const role of ['banner', 'navigation', 'main']) holds((await page.getByRole(role).count()) >= 1, `a landmark: ${role}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await named(page, 'home')

    await page.keyboard.press('Tab')
    same(await focused(page), 'Skip to content', 'the first stop')
    await page.keyboard.press('Tab')
    same(await focused(page), 'Sightline, home', 'the second stop')
    await page.keyboard.press('Tab')
    same(await focused(page), 'Home', 'then the pages')

    await page.getByRole('button', { name: 'Keyboard help' }).focus()
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Keyboard' })
    await help.waitFor()
    holds((await help.innerText()).includes('Switch between local time and UTC'), 'keys are explained')
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await eventually('the focus is back', async () => (await focused(page)) === 'Keyboard help')

    await page.keyboard.press('g')
    await page.keyboard.press('m')
    await eventually('Metrics', async () => new URL(page.url()).pathname === '/console/metrics')
    await named(page, 'metrics')
    await page.keyboard.press('2')
    await eventually('three hours', async () => page.url().includes('range=3h'))
    await page.keyboard.press('/')
    const box = page.getByRole('combobox', { name: /Search pages/ })
    await box.waitFor()
    await box.pressSequentially('home')
    await page.keyboard.press('Enter')
    await eventually('Home, with the range', async () => new URL(page.url()).pathname === '/console/' && page.url().includes('range=3h'))

    const theme = () => page.evaluate(() => document.documentElement.getAttribute('data-theme'))
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const system = await ground()
    await page.keyboard.press('t')
    same(await theme(), 'light', 'theme')
    await page.keyboard.press('t')
    same(await theme(), 'dark', 'theme')
    holds((await ground()) !== system, 'dark is dark')
    await page.reload()
    same(await theme(), 'dark', 'the theme after a reload')

    await page.getByRole('button', { name: /Custom/ }).click()
    await page.getByRole('textbox', { name: 'Last', exact: true }).fill('45x')
    await page.keyboard.press('Enter')
    holds((await page.getByRole('alert').innerText()).includes('45m'), 'what a length looks like')
    await page.getByRole('textbox', { name: 'Last', exact: true }).fill('45m')
    await page.keyboard.press('Enter')
    await eventually('45 minutes', async () => page.url().includes('range=45m'))
  }),
)
