"""How the learning rate changes from step to step."""

from graphnet.schedules.base import SCHEDULES, Schedule, ScheduleField

__all__ = ["SCHEDULES", "Schedule", "ScheduleField"]
