import {playScenarios} from '../support/scenarios/run.ts';

playScenarios('mysql9');
