/** The entry of the bundle: each import registers one group of functions. */
import './health';
import './orders';
import './purge-tokens';
import './whoami';
