import { describe } from 'vitest'
import { testModel } from './keeps-its-word.ts'

describe('delivery by brokers, whatever happens', () => testModel('brokers', 50_000))
