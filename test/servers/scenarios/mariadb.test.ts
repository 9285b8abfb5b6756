import {playScenarios} from '../support/scenarios/run.ts';

playScenarios('mariadb');
