#!/usr/bin/env python3
import probe

probe.say()
