// Runs before anything is painted: the chosen theme must not come after the first picture.
import { applyTheme, storedTheme } from './lib/theme.ts'

applyTheme(storedTheme())
